// candidate takes part in an election on a Lease with client-go's leaderelection and prints a line for
// every turn:
//
//	new leader NAME    somebody else was seen to hold the lease, or we hold it
//	leading
//	stopped leading
//
// SIGTERM and SIGINT end it, and the lease is given back if it was ours. When the lease is lost it
// ends with exit code 1.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	coordination "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

func main() {
	var (
		kubeconfig    = flag.String("kubeconfig", "", "the kubeconfig `file`")
		identity      = flag.String("identity", "", "the `name` we hold the lease by")
		namespace     = flag.String("namespace", "default", "the lease's namespace")
		name          = flag.String("name", "", "the lease's name")
		leaseDuration = flag.Duration("lease-duration", 15*time.Second, "how long others wait for a silent holder")
		renewDeadline = flag.Duration("renew-deadline", 10*time.Second, "how long a holder tries to renew before it stops")
		retryPeriod   = flag.Duration("retry-period", 2*time.Second, "how often it is tried")
	)
	flag.Parse()
	config := leaderelection.LeaderElectionConfig{
		Name:            *identity,
		LeaseDuration:   *leaseDuration,
		RenewDeadline:   *renewDeadline,
		RetryPeriod:     *retryPeriod,
		ReleaseOnCancel: true,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(context.Context) { fmt.Println("leading") },
			OnStoppedLeading: func() { fmt.Println("stopped leading") },
			OnNewLeader:      func(leader string) { fmt.Println("new leader", leader) },
		},
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *kubeconfig, metav1.ObjectMeta{Namespace: *namespace, Name: *name}, *identity, config); err != nil {
		fmt.Fprintln(os.Stderr, "candidate:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, kubeconfig string, lease metav1.ObjectMeta, identity string, election leaderelection.LeaderElectionConfig) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	client, err := coordination.NewForConfig(config)
	if err != nil {
		return err
	}
	election.Lock = &resourcelock.LeaseLock{
		LeaseMeta:  lease,
		Client:     client,
		LockConfig: resourcelock.ResourceLockConfig{Identity: identity},
	}
	elector, err := leaderelection.NewLeaderElector(election)
	if err != nil {
		return err
	}
	elector.Run(ctx)
	if ctx.Err() == nil {
		return fmt.Errorf("lost the lease")
	}
	return nil
}
