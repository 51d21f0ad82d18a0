package main

import (
	"context"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/controller-manager/pkg/informerfactory"
	"k8s.io/kubernetes/pkg/controller/deployment"
	"k8s.io/kubernetes/pkg/controller/garbagecollector"
	"k8s.io/kubernetes/pkg/controller/namespace"
	"k8s.io/kubernetes/pkg/controller/replicaset"
)

const workers = 5

// startControllers starts what makes pods of Deployments, and what removes the dependents of what is deleted.
func startControllers(ctx context.Context, loopback *rest.Config) error {
	config := rest.CopyConfig(loopback)
	config.QPS = -1
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	metadataClient, err := metadata.NewForConfig(config)
	if err != nil {
		return err
	}
	shared := informers.NewSharedInformerFactory(client, 10*time.Minute)
	deployments, err := deployment.NewDeploymentController(ctx, shared.Apps().V1().Deployments(), shared.Apps().V1().ReplicaSets(), shared.Core().V1().Pods(), client)
	if err != nil {
		return err
	}
	replicaSets := replicaset.NewReplicaSetController(ctx, shared.Apps().V1().ReplicaSets(), shared.Core().V1().Pods(), client, replicaset.BurstReplicas)
	namespaces := namespace.NewNamespaceController(ctx, client, metadataClient, client.Discovery().ServerPreferredNamespacedResources,
		shared.Core().V1().Namespaces(), 5*time.Minute, v1.FinalizerKubernetes)
	started := make(chan struct{})
	collector, mapper, err := newCollector(ctx, client, metadataClient, shared, started)
	if err != nil {
		return err
	}
	kubelet := newKubelet(client, shared.Core().V1().Pods())
	shared.Start(ctx.Done())
	close(started)
	go deployments.Run(ctx, workers)
	go replicaSets.Run(ctx, workers)
	go namespaces.Run(ctx, workers)
	go collector.Run(ctx, workers, 5*time.Second)
	go collector.Sync(ctx, client.Discovery(), 5*time.Second)
	go kubelet.run(ctx)
	go refresh(ctx, mapper)
	return nil
}

func newCollector(
	ctx context.Context, client kubernetes.Interface, metadataClient metadata.Interface, shared informers.SharedInformerFactory, started <-chan struct{},
) (*garbagecollector.GarbageCollector, meta.ResettableRESTMapper, error) {
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(client.Discovery()))
	factory := informerfactory.NewInformerFactory(shared, metadatainformer.NewSharedInformerFactory(metadataClient, 10*time.Minute))
	collector, err := garbagecollector.NewGarbageCollector(ctx, client, metadataClient, mapper, garbagecollector.DefaultIgnoredResources(), factory, started)
	return collector, mapper, err
}

// refresh lets the garbage collector see kinds that were defined after the start.
func refresh(ctx context.Context, mapper meta.ResettableRESTMapper) {
	for ticker := time.NewTicker(10 * time.Second); ; {
		select {
		case <-ctx.Done():
			ticker.Stop()
			return
		case <-ticker.C:
			mapper.Reset()
		}
	}
}
