package main

import (
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
)

// subscribe adds all handlers and starts the worker. What it returns is done when each has been given the first state.
func subscribe(informer cache.SharedIndexInformer, record *record, flags flags) ([]cache.DoneChecker, error) {
	queue := workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[cache.ObjectName]())
	go work(queue, informer.GetIndexer(), record)

	last := flags.handlers - 1
	isSlow := func(index int) bool { return index > 0 && index == last && flags.slow > 0 }
	lastFast := last
	if isSlow(last) {
		lastFast--
	}
	var synced []cache.DoneChecker
	for index := range flags.handlers {
		handler := first(queue, record)
		if index > 0 {
			sleep := time.Duration(0)
			if isSlow(index) {
				sleep = flags.slow
			}
			handler = another(record, index == lastFast, sleep)
		}
		registration, err := informer.AddEventHandler(handler)
		if err != nil {
			return nil, err
		}
		synced = append(synced, registration.HasSyncedChecker())
	}
	return synced, nil
}

// first puts the key of each change into the queue.
func first(queue workqueue.TypedRateLimitingInterface[cache.ObjectName], record *record) cache.ResourceEventHandler {
	enqueue := func(object any) {
		if key, err := cache.DeletionHandlingObjectToName(object); err == nil {
			queue.Add(key)
		}
	}
	return cache.ResourceEventHandlerFuncs{
		AddFunc: func(object any) {
			enqueue(object)
			record.changed(&record.added, version(object))
		},
		UpdateFunc: func(_, object any) {
			enqueue(object)
			record.changed(&record.updated, version(object))
		},
		DeleteFunc: func(object any) {
			enqueue(object)
			record.changed(&record.deleted, 0)
		},
	}
}

// another is a handler beside the first: it counts, remembers probes if it is the one that is asked, and may be slow.
func another(record *record, keepsProbes bool, sleep time.Duration) cache.ResourceEventHandler {
	count := 0
	handle := func(object any) {
		count++
		if keepsProbes && isProbe(object) {
			record.handledProbe(version(object))
		}
		if sleep > 0 {
			time.Sleep(sleep)
		}
	}
	return cache.ResourceEventHandlerFuncs{
		AddFunc:    handle,
		UpdateFunc: func(_, object any) { handle(object) },
		DeleteFunc: func(any) { count++ },
	}
}

// work is the one worker.
func work(queue workqueue.TypedRateLimitingInterface[cache.ObjectName], store cache.Indexer, record *record) {
	next := func() bool {
		key, shutdown := queue.Get()
		if shutdown {
			return false
		}
		defer queue.Done(key)
		reconcile(key, store, record)
		queue.Forget(key)
		return true
	}
	for next() {
	}
}

// reconcile has nothing to do but to read the object.
func reconcile(key cache.ObjectName, store cache.Indexer, record *record) {
	object, exists, err := store.GetByKey(key.String())
	if err != nil || !exists {
		return
	}
	if isProbe(object) {
		record.reconciledProbe(version(object))
	} else {
		record.reconciledOne()
	}
}

// version is an object's resourceVersion; 0 if it has none.
func version(object any) uint64 {
	accessor, err := meta.Accessor(object)
	if err != nil {
		return 0
	}
	version, _ := strconv.ParseUint(accessor.GetResourceVersion(), 10, 64)
	return version
}

// isProbe tells whether it is one of those whose way through the program is timed.
func isProbe(object any) bool {
	accessor, err := meta.Accessor(object)
	return err == nil && strings.HasPrefix(accessor.GetName(), "probe-")
}
