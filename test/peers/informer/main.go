// informer watches the objects of one kind with client-go's SharedIndexInformer and prints what it
// learns, a line each:
//
//	asks list|watch|watch-list   a request, by what it is for
//	added NAME@VERSION
//	updated NAME@VERSION         not for a resync, which tells nothing
//	deleted NAME
//	missed NAME@VERSION          deleted while nobody watched: as it was known last
//	holds NAME@VERSION ...       the lister's answer to a line on standard input, when it has synced
//
// It ends when standard input does. KUBE_FEATURE_WatchListClient=false in the environment makes it
// begin with a list instead of a watch that tells what there is.
package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

func main() {
	kubeconfig := flag.String("kubeconfig", "", "the kubeconfig `file`")
	namespace := flag.String("namespace", "default", "where the objects are")
	resource := flag.String("resource", "configmaps.v1.", "their `kind`: PLURAL.VERSION.GROUP")
	flag.Parse()
	if err := run(*kubeconfig, *namespace, *resource); err != nil {
		fmt.Fprintln(os.Stderr, "informer:", err)
		os.Exit(1)
	}
}

func run(kubeconfig, namespace, resource string) error {
	kind, _ := schema.ParseResourceArg(resource)
	if kind == nil {
		return fmt.Errorf("%q is not PLURAL.VERSION.GROUP", resource)
	}
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	config.Wrap(tellRequests)
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return err
	}
	factory := dynamicinformer.NewFilteredDynamicSharedInformerFactory(client, 0, namespace, nil)
	informer := factory.ForResource(*kind)
	if _, err := informer.Informer().AddEventHandler(handlers); err != nil {
		return err
	}

	ctx, stop := context.WithCancel(context.Background())
	factory.Start(ctx.Done())
	defer factory.Shutdown()
	defer stop()
	if !cache.WaitForCacheSync(ctx.Done(), informer.Informer().HasSynced) {
		return fmt.Errorf("never synced")
	}

	questions := bufio.NewScanner(os.Stdin)
	for questions.Scan() {
		objects, err := informer.Lister().List(labels.Everything())
		if err != nil {
			return err
		}
		say("holds", names(objects)...)
	}
	return questions.Err()
}

var handlers = cache.ResourceEventHandlerFuncs{
	AddFunc: func(object any) { say("added", name(object)) },
	UpdateFunc: func(before, after any) {
		if name(before) != name(after) {
			say("updated", name(after))
		}
	},
	DeleteFunc: func(object any) {
		if missed, ok := object.(cache.DeletedFinalStateUnknown); ok {
			say("missed", name(missed.Obj))
			return
		}
		deleted, _, _ := strings.Cut(name(object), "@")
		say("deleted", deleted)
	},
}

// tellRequests prints every request before it is sent.
func tellRequests(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(request *http.Request) (*http.Response, error) {
		query := request.URL.Query()
		switch {
		case query.Get("sendInitialEvents") == "true":
			say("asks", "watch-list")
		case query.Get("watch") == "true":
			say("asks", "watch")
		default:
			say("asks", "list")
		}
		return next.RoundTrip(request)
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(request *http.Request) (*http.Response, error) { return f(request) }

func name(object any) string {
	metadata, err := meta.Accessor(object)
	if err != nil {
		return "?"
	}
	return metadata.GetName() + "@" + metadata.GetResourceVersion()
}

func names(objects []runtime.Object) []string {
	var names []string
	for _, object := range objects {
		names = append(names, name(object))
	}
	slices.Sort(names)
	return names
}

var out sync.Mutex

// say prints one line: handlers, requests and answers come from goroutines of their own.
func say(what string, about ...string) {
	out.Lock()
	defer out.Unlock()
	fmt.Println(strings.Join(append([]string{what}, about...), " "))
}
