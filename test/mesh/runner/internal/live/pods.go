package live

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	kerrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"istio.io/istio/pkg/kube"

	cluster "cdk8s-lanes/mesh-runner/internal/cluster"
	"cdk8s-lanes/mesh-runner/internal/contract"
)

// Headers by which a pod says that it was it who answered.
const (
	workloadHeader = "x-mesh-workload"
	podHeader      = "x-mesh-pod"
)

// pod is a pod's process, and what Kubernetes says of it.
type pod struct {
	*cluster.Pod
	tls   *tls.Config
	ports []int
	// services are the names of those that select the pod.
	services []string
	present  bool
	ready    bool

	mu      sync.Mutex
	servers []*http.Server
	status  atomic.Int64
	delayMs atomic.Int64
}

// run starts the process, if it is not there.
func (p *pod) run() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.servers) > 0 {
		return nil
	}
	for _, port := range p.ports {
		listener, err := net.Listen("tcp", net.JoinHostPort(p.IP, strconv.Itoa(port)))
		if err != nil {
			return fmt.Errorf("%s cannot listen: %w", p.ID(), err)
		}
		if p.tls != nil {
			listener = tls.NewListener(listener, p.tls)
		}
		server := &http.Server{Handler: http.HandlerFunc(p.answer), ErrorLog: log.New(io.Discard, "", 0)}
		p.servers = append(p.servers, server)
		go server.Serve(listener)
	}
	return nil
}

// kill ends the process: its port is closed at once, and its connections with it.
func (p *pod) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, server := range p.servers {
		server.Close()
	}
	p.servers = nil
}

func (p *pod) answer(w http.ResponseWriter, r *http.Request) {
	select {
	case <-time.After(time.Duration(p.delayMs.Load()) * time.Millisecond):
	case <-r.Context().Done():
		return
	}
	w.Header().Set(workloadHeader, p.Workload)
	w.Header().Set(podHeader, p.Name)
	status := int(p.status.Load())
	if status == 0 {
		status = http.StatusOK
	}
	w.WriteHeader(status)
}

// change does what is said of the pod. Where both change, Kubernetes hears of it just before the process does.
func (p *pod) change(to contract.LivePod, client kube.Client) error {
	if to.Status != nil {
		p.status.Store(int64(*to.Status))
	}
	if to.DelayMs != nil {
		p.delayMs.Store(int64(*to.DelayMs))
	}
	if to.Running != nil && *to.Running {
		if err := p.run(); err != nil {
			return err
		}
	}
	present, ready := p.present, p.ready
	if to.Present != nil {
		present = *to.Present
	}
	if to.Ready != nil {
		ready = *to.Ready
	}
	if present != p.present || ready != p.ready {
		p.present, p.ready = present, ready
		if err := p.tell(client); err != nil {
			return err
		}
	}
	if to.Running != nil && !*to.Running {
		p.kill()
	}
	return nil
}

// tell writes to the API server what a kubelet and the controllers would: the pod, and its place in EndpointSlices.
func (p *pod) tell(client kube.Client) error {
	ctx := context.Background()
	pods := client.Kube().CoreV1().Pods(p.Namespace)
	object := p.Object.DeepCopy()
	status := corev1.ConditionTrue
	if !p.ready {
		status = corev1.ConditionFalse
	}
	object.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: status, LastTransitionTime: metav1.Now()}}
	_, err := pods.Get(ctx, p.Name, metav1.GetOptions{})
	switch {
	case !p.present && err == nil:
		err = pods.Delete(ctx, p.Name, metav1.DeleteOptions{})
	case !p.present:
		err = nil
	case kerrors.IsNotFound(err):
		_, err = pods.Create(ctx, object, metav1.CreateOptions{})
	case err == nil:
		_, err = pods.Update(ctx, object, metav1.UpdateOptions{})
	}
	if err != nil {
		return err
	}
	return p.tellSlices(ctx, client)
}

func (p *pod) tellSlices(ctx context.Context, client kube.Client) error {
	slicesOf := client.Kube().DiscoveryV1().EndpointSlices(p.Namespace)
	all, err := slicesOf.List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	for i := range all.Items {
		slice := all.Items[i].DeepCopy()
		own := func(e discoveryv1.Endpoint) bool { return e.TargetRef != nil && e.TargetRef.Name == p.Name }
		at := slices.IndexFunc(slice.Endpoints, own)
		if at < 0 && !(p.present && slices.Contains(p.services, slice.Labels[discoveryv1.LabelServiceName])) {
			continue
		}
		slice.Endpoints = slices.DeleteFunc(slice.Endpoints, own)
		if p.present {
			slice.Endpoints = append(slice.Endpoints, discoveryv1.Endpoint{
				Addresses: []string{p.IP}, NodeName: new("node"),
				Conditions: discoveryv1.EndpointConditions{Ready: new(p.ready), Serving: new(p.ready), Terminating: new(false)},
				TargetRef:  &corev1.ObjectReference{Kind: "Pod", Namespace: p.Namespace, Name: p.Name},
			})
		}
		if _, err := slicesOf.Update(ctx, slice, metav1.UpdateOptions{}); err != nil {
			return err
		}
	}
	return nil
}
