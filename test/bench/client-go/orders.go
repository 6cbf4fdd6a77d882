package main

import (
	"bufio"
	"fmt"
	"hash"
	"hash/fnv"
	"io"
	"runtime"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"
)

// obey answers orders until there are no more.
func obey(orders io.Reader, informer cache.SharedIndexInformer, record *record) error {
	lines := bufio.NewScanner(orders)
	for lines.Scan() {
		answer, err := answer(lines.Text(), informer, record)
		if err != nil {
			return err
		}
		say(answer)
	}
	return lines.Err()
}

func answer(order string, informer cache.SharedIndexInformer, record *record) (map[string]any, error) {
	name, argument, _ := strings.Cut(order, " ")
	switch {
	case name == "until":
		version, err := strconv.ParseUint(argument, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("`until` takes a resourceVersion, not %q", argument)
		}
		return record.until(version), nil
	case order == "hash":
		return whole(informer.GetStore())
	case order == "handled":
		return record.changes(), nil
	case order == "probes":
		return record.probes(), nil
	case order == "live":
		return map[string]any{"live": live()}, nil
	}
	return nil, fmt.Errorf("unknown order %q", order)
}

// live is what is still used after a collection; a second one empties what pools keep for one more round.
func live() uint64 {
	runtime.GC()
	runtime.GC()
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	return memory.HeapAlloc
}

// whole is the hash of all that is in the store.
func whole(store cache.Store) (map[string]any, error) {
	objects := store.List()
	sum := uint64(0)
	for _, object := range objects {
		one, err := hashOf(object)
		if err != nil {
			return nil, err
		}
		sum += one
	}
	return map[string]any{"hash": fmt.Sprintf("%016x", sum), "count": len(objects)}, nil
}

// hashOf is FNV-1a over the strings that are read of object.
func hashOf(object any) (uint64, error) {
	accessor, err := meta.Accessor(object)
	if err != nil {
		return 0, err
	}
	hash := fnv.New64a()
	text(hash, string(accessor.GetUID()), accessor.GetResourceVersion(), accessor.GetNamespace(), accessor.GetName())
	switch object := object.(type) {
	case *corev1.Pod:
		owner := ""
		if controller := metav1.GetControllerOfNoCopy(object); controller != nil {
			owner = string(controller.UID)
		}
		text(hash, string(object.Status.Phase), object.Status.PodIP, owner)
	case *corev1.Node:
		for _, condition := range object.Status.Conditions {
			text(hash, string(condition.Type), string(condition.Status))
		}
	case *BitcoinNetwork:
		text(hash, strconv.Itoa(int(object.Spec.Nodes)))
	case *metav1.PartialObjectMetadata:
		text(hash, object.Labels["app"])
	default:
		return 0, fmt.Errorf("the store holds a %T", object)
	}
	return hash.Sum64(), nil
}

// text takes in each string and a zero byte after it.
func text(hash hash.Hash64, texts ...string) {
	for _, text := range texts {
		_, _ = io.WriteString(hash, text)
		_, _ = hash.Write([]byte{0})
	}
}
