// client-go is the program of the benchmarks on client-go, used the way client-go's own documentation and its
// sample-controller do: informers of the typed clientset (P, N), of the metadata client, and of a REST client for an own
// type (C); two indexers; handlers that put a cache.ObjectName into a rate-limited queue; one worker; no resync.
//
//   - The first state comes as events of a watch: WatchListClient, which is on by default since v0.35. --list turns it off,
//     by the variable in the environment that client-go documents (KUBE_FEATURE_WatchListClient). The first list then
//     comes in pages of 500; a relist names a version, and client-go asks for all of it at once.
//   - Objects come as JSON, the default of rest.Config, so that every program reads the same bytes. For built-in types
//     client-go recommends protobuf, which is faster; own types have none.
//   - The client's own limit of requests is off (QPS -1).
//   - --prune clears managedFields by SetTransform before objects are stored.
//
// Source: https://github.com/kubernetes/sample-controller/blob/master/controller.go,
// https://pkg.go.dev/k8s.io/client-go/tools/cache#SharedInformer, https://pkg.go.dev/k8s.io/client-go/features.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

// flags is what the program is asked to do.
type flags struct {
	server   string
	shape    string
	metadata bool
	list     bool
	prune    bool
	// handlers counts the first as well.
	handlers int
	// slow is how long the last handler sleeps at each notification.
	slow time.Duration
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench-client-go:", err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	flags, err := parse(arguments)
	if err != nil {
		return err
	}
	if flags.list {
		// Before anything asks for it: features are read from the environment once.
		if err := os.Setenv("KUBE_FEATURE_WatchListClient", "false"); err != nil {
			return err
		}
	}
	informer, err := newInformer(&rest.Config{Host: flags.server, QPS: -1}, flags)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	record := newRecord()
	synced, err := subscribe(informer, record, flags)
	if err != nil {
		return err
	}
	go informer.RunWithContext(ctx)
	go func() {
		if cache.WaitFor(ctx, "", synced...) {
			at := now()
			say(map[string]any{"synced": len(informer.GetStore().ListKeys()), "at": at})
		}
	}()
	return obey(os.Stdin, informer, record)
}

func parse(arguments []string) (flags, error) {
	var parsed flags
	var mode string
	var slow int
	set := flag.NewFlagSet("bench-client-go", flag.ContinueOnError)
	set.StringVar(&parsed.server, "server", "", "the API server's `URL`")
	set.StringVar(&parsed.shape, "shape", "", "`P`, N or C")
	set.StringVar(&mode, "mode", "", "`typed` or metadata")
	set.BoolVar(&parsed.list, "list", false, "list instead of a watch that tells what there is")
	set.BoolVar(&parsed.prune, "prune", false, "clear managedFields before an object is stored")
	set.IntVar(&parsed.handlers, "handlers", 1, "how `many` handlers there are")
	set.IntVar(&slow, "slow", 0, "how many `milliseconds` the last handler sleeps at each notification")
	if err := set.Parse(arguments); err != nil {
		return parsed, err
	}
	parsed.slow = time.Duration(slow) * time.Millisecond
	parsed.metadata = mode == "metadata"
	switch {
	case set.NArg() > 0:
		return parsed, fmt.Errorf("unknown argument %q", set.Arg(0))
	case parsed.server == "":
		return parsed, fmt.Errorf("--server is missing")
	case parsed.shape != "P" && parsed.shape != "N" && parsed.shape != "C":
		return parsed, fmt.Errorf("--shape is P, N or C, not %q", parsed.shape)
	case mode != "typed" && mode != "metadata":
		return parsed, fmt.Errorf("--mode is typed or metadata, not %q", mode)
	case parsed.handlers < 1 || slow < 0:
		return parsed, fmt.Errorf("--handlers must be at least 1, --slow at least 0")
	}
	return parsed, nil
}
