package main

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

// ownerIndex is by the UID of the owner that controls an object. The factories' informers come with an index by namespace.
const ownerIndex = "owner"

var resources = map[string]schema.GroupVersionResource{
	"P": {Version: "v1", Resource: "pods"},
	"N": {Version: "v1", Resource: "nodes"},
	"C": networkGroupVersion.WithResource("bitcoinnetworks"),
}

// newInformer makes the informer that the documentation recommends for this shape and mode.
func newInformer(config *rest.Config, flags flags) (cache.SharedIndexInformer, error) {
	informer, err := informerOf(config, flags)
	if err != nil {
		return nil, err
	}
	if err := informer.AddIndexers(cache.Indexers{ownerIndex: byOwner}); err != nil {
		return nil, err
	}
	if flags.prune {
		if err := informer.SetTransform(withoutManagedFields); err != nil {
			return nil, err
		}
	}
	return informer, nil
}

func informerOf(config *rest.Config, flags flags) (cache.SharedIndexInformer, error) {
	if flags.metadata {
		client, err := metadata.NewForConfig(config)
		if err != nil {
			return nil, err
		}
		factory := metadatainformer.NewSharedInformerFactory(client, 0)
		return factory.ForResource(resources[flags.shape]).Informer(), nil
	}
	if flags.shape == "C" {
		return networkInformer(config)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	factory := informers.NewSharedInformerFactory(client, 0)
	if flags.shape == "N" {
		return factory.Core().V1().Nodes().Informer(), nil
	}
	return factory.Core().V1().Pods().Informer(), nil
}

// networkInformer is what a generated informer of an own type comes down to.
func networkInformer(config *rest.Config) (cache.SharedIndexInformer, error) {
	scheme := runtime.NewScheme()
	scheme.AddKnownTypes(networkGroupVersion, &BitcoinNetwork{}, &BitcoinNetworkList{})
	metav1.AddToGroupVersion(scheme, networkGroupVersion)
	own := rest.CopyConfig(config)
	own.GroupVersion = &networkGroupVersion
	own.APIPath = "/apis"
	own.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
	client, err := rest.RESTClientFor(own)
	if err != nil {
		return nil, err
	}
	// Watch needs to know how its options become a query.
	lists := cache.NewFilteredListWatchFromClient(client, "bitcoinnetworks", metav1.NamespaceAll,
		func(options *metav1.ListOptions) { options.FieldSelector = fields.Everything().String() })
	indexers := cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc}
	return cache.NewSharedIndexInformer(lists, &BitcoinNetwork{}, 0, indexers), nil
}

func byOwner(object any) ([]string, error) {
	accessor, err := meta.Accessor(object)
	if err != nil {
		return nil, err
	}
	owner := metav1.GetControllerOfNoCopy(accessor)
	if owner == nil {
		return nil, nil
	}
	return []string{string(owner.UID)}, nil
}

func withoutManagedFields(object any) (any, error) {
	accessor, err := meta.Accessor(object)
	if err != nil {
		return nil, fmt.Errorf("cannot prune: %w", err)
	}
	accessor.SetManagedFields(nil)
	return object, nil
}
