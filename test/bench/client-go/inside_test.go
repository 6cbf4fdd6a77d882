package main

// What happens within one process of client-go. The name after "Benchmark_" is the name of the measure in every language;
// each prints one figure, whose unit follows it: ns/op, ns, B/item, events/s or ms.
//
//	go test -run '^$' -bench . -benchtime 1s
//
// Source: like client-go's own BenchmarkQueue, BenchmarkDelayingQueue_AddAfter, BenchmarkIndexer, BenchmarkAddWithSlowHandlers,
// with the keys and objects of the other programs.

import (
	"context"
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apiruntime "k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/cache"
	fcache "k8s.io/client-go/tools/cache/testing"
	recorder "k8s.io/client-go/tools/record"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
)

func newQueue() workqueue.TypedRateLimitingInterface[cache.ObjectName] {
	return workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[cache.ObjectName]())
}

// keys are those of count objects.
func keys(count int) []cache.ObjectName {
	keys := make([]cache.ObjectName, count)
	for number := range keys {
		keys[number] = cache.NewObjectName(fmt.Sprintf("ns-%d", number%50), fmt.Sprintf("object-%d", number))
	}
	return keys
}

// report prints one figure instead of the time of a round.
func report(b *testing.B, value float64, unit string) {
	b.ReportMetric(value, unit)
	b.ReportMetric(0, "ns/op")
}

// Add, get and done of one key, round robin over 1000.
func Benchmark_queue_add_get_done(b *testing.B) {
	queue, keys := newQueue(), keys(1000)
	defer queue.ShutDown()
	next := 0
	for b.Loop() {
		queue.Add(keys[next%len(keys)])
		next++
		key, _ := queue.Get()
		queue.Done(key)
	}
}

// The longest single add with a million keys there: the first in line is taken, and comes again. Of several runs the
// least counts: what the kernel does meanwhile is not the queue's.
func Benchmark_queue_longest_add_1m(b *testing.B) {
	report(b, leastOf(b, func() time.Duration {
		queue, _ := grownQueue()
		defer queue.ShutDown()
		longest := time.Duration(0)
		for range 100_000 {
			key, _ := queue.Get()
			queue.Done(key)
			longest = max(longest, timeToAdd(queue, key))
		}
		return longest
	}), "ns")
}

// The longest on the way to a million.
func Benchmark_queue_longest_add_growing_to_1m(b *testing.B) {
	report(b, leastOf(b, func() time.Duration {
		queue, longest := grownQueue()
		defer queue.ShutDown()
		return longest
	}), "ns")
}

var million = sync.OnceValue(func() []cache.ObjectName { return keys(1_000_000) })

// grownQueue has a million keys that nobody takes, and how long it took at most to add one.
func grownQueue() (workqueue.TypedRateLimitingInterface[cache.ObjectName], time.Duration) {
	queue, longest := newQueue(), time.Duration(0)
	for _, key := range million() {
		longest = max(longest, timeToAdd(queue, key))
	}
	return queue, longest
}

func timeToAdd(queue workqueue.TypedInterface[cache.ObjectName], key cache.ObjectName) time.Duration {
	start := time.Now()
	queue.Add(key)
	return time.Since(start)
}

// leastOf is the shortest of five times, in nanoseconds.
func leastOf(b *testing.B, run func() time.Duration) float64 {
	least := time.Duration(math.MaxInt64)
	for b.Loop() {
		for range 5 {
			least = min(least, run())
		}
	}
	return float64(least.Nanoseconds())
}

// What a key that was added for later holds. The strings of the keys are there before.
func Benchmark_queue_delayed_item(b *testing.B) {
	keys := keys(100_000)
	held := 0.0
	for b.Loop() {
		before, queue := live(), newQueue()
		for number, key := range keys {
			minutes := (number*7_919)%len(keys) + 1
			queue.AddAfter(key, time.Duration(minutes)*time.Minute)
		}
		// They are taken in one after another: when this one is through, all of them were.
		queue.AddAfter(cache.NewObjectName("", "last"), time.Millisecond)
		queue.Get()
		held = float64(live()-before) / float64(len(keys))
		queue.ShutDown()
	}
	runtime.KeepAlive(keys)
	report(b, held, "B/item")
}

// From a watch event to the end of an empty reconcile, through informer, handler, queue and one worker: each event about
// another pod, all of them there.
func Benchmark_loop_empty_reconcile(b *testing.B) {
	const passes = 5_000
	var rates []float64
	for b.Loop() {
		for range 5 {
			rates = append(rates, passes/emptyReconciles(b, passes).Seconds())
		}
	}
	slices.Sort(rates)
	report(b, rates[len(rates)/2], "events/s")
}

func emptyReconciles(b *testing.B, passes int) time.Duration {
	events := watch.NewFakeWithChanSize(passes+1, false)
	events.Action(watch.Bookmark, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		ResourceVersion: "1", Annotations: map[string]string{metav1.InitialEventsAnnotationKey: "true"},
	}})
	for number := range passes {
		added := pod(number)
		added.ResourceVersion = strconv.Itoa(number + 2)
		events.Add(added)
	}
	source := &cache.ListWatch{
		ListWithContextFunc: func(context.Context, metav1.ListOptions) (apiruntime.Object, error) {
			return &corev1.PodList{ListMeta: metav1.ListMeta{ResourceVersion: "1"}}, nil
		},
		WatchFuncWithContext: func(context.Context, metav1.ListOptions) (watch.Interface, error) { return events, nil },
	}
	informer := cache.NewSharedIndexInformer(source, &corev1.Pod{}, 0, cache.Indexers{})
	queue, done := newQueue(), make(chan struct{})
	defer queue.ShutDown()
	if _, err := informer.AddEventHandler(first(queue, newRecord())); err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	start := time.Now()
	go func() {
		defer close(done)
		for range passes {
			key, _ := queue.Get()
			queue.Forget(key)
			queue.Done(key)
		}
	}()
	go informer.RunWithContext(ctx)
	<-done
	return time.Since(start)
}

const objects = 10_000

// newStore holds 10 000 pods in 50 namespaces, each ten with an owner of their own.
func newStore() (cache.ThreadSafeStore, []*corev1.Pod) {
	indexers := cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc, ownerIndex: byOwner}
	store, pods := cache.NewThreadSafeStore(indexers, cache.Indices{}), make([]*corev1.Pod, objects)
	for number := range pods {
		pods[number] = pod(number)
		store.Add(cache.MetaObjectToName(pods[number]).String(), pods[number])
	}
	return store, pods
}

func pod(number int) *corev1.Pod {
	isController := true
	owner := metav1.OwnerReference{UID: types.UID(fmt.Sprintf("owner-%d", number/10)), Controller: &isController}
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Namespace:       fmt.Sprintf("ns-%d", number%50),
		Name:            fmt.Sprintf("object-%d", number),
		OwnerReferences: []metav1.OwnerReference{owner},
	}}
}

// An update that moves nothing in the two indices.
func Benchmark_indexer_update(b *testing.B) {
	store, pods := newStore()
	next := 0
	for b.Loop() {
		pod := pods[next%objects]
		next++
		store.Update(cache.MetaObjectToName(pod).String(), pod)
	}
}

// The ten objects of one owner, each owner in turn.
func Benchmark_indexer_by_index(b *testing.B) {
	store, _ := newStore()
	owners := store.ListIndexFuncValues(ownerIndex)
	next := 0
	for b.Loop() {
		found, err := store.ByIndex(ownerIndex, owners[next%len(owners)])
		next++
		if err != nil || len(found) != 10 {
			b.Fatal(len(found), err)
		}
	}
}

// One typed pod of 10 kB, decoded as the typed client does it: the JSON serializer into v1, without conversion.
func Benchmark_decode_pod(b *testing.B) {
	text, err := os.ReadFile("../pod.json")
	if err != nil {
		b.Fatal(err)
	}
	factory := scheme.Codecs.WithoutConversion()
	info := factory.SupportedMediaTypes()[0]
	decoder := factory.DecoderToVersion(info.Serializer, corev1.SchemeGroupVersion)
	for b.Loop() {
		object, _, err := decoder.Decode(text, nil, nil)
		if err != nil {
			b.Fatal(err)
		}
		if _, ok := object.(*corev1.Pod); !ok {
			b.Fatalf("decoded a %T", object)
		}
	}
}

// Events about 200 objects: of each object some that come again, and some whose messages all differ.
func Benchmark_correlate_event(b *testing.B) {
	const count, about = 5_000, 200
	all := make([]corev1.Event, count)
	for number := range all {
		all[number] = *event(number%about, number/about)
	}
	taken, runs := time.Duration(0), 0
	for b.Loop() {
		correlator := recorder.NewEventCorrelator(clock.RealClock{})
		start := time.Now()
		for number := range all {
			if _, err := correlator.EventCorrelate(&all[number]); err != nil {
				b.Fatal(err)
			}
		}
		taken += time.Since(start)
		runs++
	}
	report(b, float64(taken.Nanoseconds())/float64(runs*count), "ns")
}

func event(object, turn int) *corev1.Event {
	reason, message := "Connected", fmt.Sprintf("link to node %d is present", turn%10)
	if turn%2 == 1 {
		reason, message = "Mined", fmt.Sprintf("block %d of object %d was mined", turn, object)
	}
	return &corev1.Event{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: fmt.Sprintf("ns-%d", object%50), Name: fmt.Sprintf("object-%d.%016x", object, turn),
		},
		InvolvedObject: corev1.ObjectReference{
			Kind: "BitcoinNetwork", APIVersion: networkGroupVersion.String(), Namespace: fmt.Sprintf("ns-%d", object%50),
			Name: fmt.Sprintf("object-%d", object), UID: types.UID(fmt.Sprintf("%08x-1111-2222-3333-444444444444", object)),
		},
		Source: corev1.EventSource{Component: "bitcoin-controller", Host: "host-1"},
		Type:   corev1.EventTypeNormal, Reason: reason, Message: message, Count: 1,
	}
}

// Eight handlers of one informer, one of them sleeping 10 ms: the worst lag of the others behind 2000 events about 100
// pods, ten a millisecond.
func Benchmark_slow_handler_lag(b *testing.B) {
	worst := time.Duration(0)
	for b.Loop() {
		worst = max(worst, slowHandlerLag(b))
	}
	report(b, float64(worst.Microseconds())/1000, "ms")
}

func slowHandlerLag(b *testing.B) time.Duration {
	const events, pods, burst, fast = 2_000, 100, 10, 7
	source := fcache.NewFakeControllerSource()
	for number := range pods {
		source.Add(pod(number))
	}
	informer := cache.NewSharedIndexInformer(source, &corev1.Pod{}, 0, cache.Indexers{})
	var worst, told atomic.Int64
	handle := func(_, object any) {
		sent, _ := strconv.ParseInt(object.(*corev1.Pod).Annotations["sent"], 10, 64)
		lag := time.Now().UnixNano() - sent
		for before := worst.Load(); lag > before && !worst.CompareAndSwap(before, lag); before = worst.Load() {
		}
		told.Add(1)
	}
	sleep := func(_, _ any) { time.Sleep(10 * time.Millisecond) }
	for index := range fast + 1 {
		handler := cache.ResourceEventHandlerFuncs{UpdateFunc: handle}
		if index == fast {
			handler.UpdateFunc = sleep
		}
		if _, err := informer.AddEventHandler(handler); err != nil {
			b.Fatal(err)
		}
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	go informer.RunWithContext(ctx)
	cache.WaitFor(ctx, "", informer.HasSyncedChecker())

	ticks := time.NewTicker(time.Millisecond)
	defer ticks.Stop()
	for number := range events {
		if number%burst == 0 {
			<-ticks.C
		}
		changed := pod(number % pods)
		changed.Annotations = map[string]string{"sent": strconv.FormatInt(time.Now().UnixNano(), 10)}
		source.Modify(changed)
	}
	for told.Load() < events*fast {
		<-ticks.C
	}
	return time.Duration(worst.Load())
}
