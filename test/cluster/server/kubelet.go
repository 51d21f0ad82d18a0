package main

import (
	"context"
	"strings"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	coreinformers "k8s.io/client-go/informers/core/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
)

const (
	// missingTag is how tests name an image that no registry has: pods that need it never become ready.
	missingTag = ":missing"
	// readyAfter, an annotation of a pod, says how long it takes to become ready: a duration.
	readyAfter = "kubelet.test/ready-after"
)

// kubelet says of every pod what a kubelet says when all containers have started; there are no nodes and no containers.
type kubelet struct {
	client kubernetes.Interface
	pods   chan *v1.Pod
}

func newKubelet(client kubernetes.Interface, informer coreinformers.PodInformer) *kubelet {
	k := &kubelet{client: client, pods: make(chan *v1.Pod, 1000)}
	_, _ = informer.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: func(object any) { k.pods <- object.(*v1.Pod) },
	})
	return k
}

func (k *kubelet) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case pod := <-k.pods:
			go k.start(ctx, pod.DeepCopy())
		}
	}
}

func (k *kubelet) start(ctx context.Context, pod *v1.Pod) {
	if pod.DeletionTimestamp != nil || pod.Status.Phase == v1.PodRunning {
		return
	}
	if delay, err := time.ParseDuration(pod.Annotations[readyAfter]); err == nil {
		time.Sleep(delay)
	}
	if image := missingImage(pod); image != "" {
		k.update(ctx, pod, waiting(pod, image))
		return
	}
	k.update(ctx, pod, running())
}

// update gives up when the pod is gone: nobody else writes the status of pods.
func (k *kubelet) update(ctx context.Context, pod *v1.Pod, status v1.PodStatus) {
	pod.Status = status
	_, _ = k.client.CoreV1().Pods(pod.Namespace).UpdateStatus(ctx, pod, metav1.UpdateOptions{})
}

func missingImage(pod *v1.Pod) string {
	for _, container := range pod.Spec.Containers {
		if strings.HasSuffix(container.Image, missingTag) {
			return container.Image
		}
	}
	return ""
}

func running() v1.PodStatus {
	status := v1.PodStatus{Phase: v1.PodRunning}
	for _, condition := range []v1.PodConditionType{v1.PodScheduled, v1.PodInitialized, v1.ContainersReady, v1.PodReady} {
		status.Conditions = append(status.Conditions, v1.PodCondition{Type: condition, Status: v1.ConditionTrue, LastTransitionTime: metav1.Now()})
	}
	return status
}

func waiting(pod *v1.Pod, image string) v1.PodStatus {
	status := v1.PodStatus{Phase: v1.PodPending}
	for _, container := range pod.Spec.Containers {
		status.ContainerStatuses = append(status.ContainerStatuses, v1.ContainerStatus{
			Name: container.Name,
			State: v1.ContainerState{Waiting: &v1.ContainerStateWaiting{
				Reason: "ImagePullBackOff", Message: "Back-off pulling image \"" + image + "\"",
			}},
		})
	}
	return status
}
