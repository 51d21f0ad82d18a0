package envoy

import (
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/protobuf/types/known/anypb"
)

// subscribed is a control whose Envoy has asked for clusters, listeners and the endpoints of "a". What is pushed goes to
// pushed.
func subscribed(pushed func(c *control, kind string)) *control {
	c := &control{resources: Resources{}, kinds: map[string]*kindState{}}
	c.changed = sync.NewCond(&c.mu)
	for _, kind := range kinds {
		c.kinds[kind] = &kindState{asked: kind != RouteType}
	}
	c.kinds[EndpointType].names = []string{"a"}
	c.push = func(kind string) {
		c.kinds[kind].sent++
		pushed(c, kind)
	}
	return c
}

// answer is Envoy accepting what was sent last.
func (c *control) answer(kind string) {
	c.request(&discovery.DiscoveryRequest{
		TypeUrl: kind, ResponseNonce: strconv.Itoa(c.kinds[kind].sent), ResourceNames: c.kinds[kind].names,
	})
}

var some = Resources{ClusterType: {"a": &anypb.Any{Value: []byte("new")}}, EndpointType: {"a": &anypb.Any{}}}

func TestEndpointsFollowClusters(t *testing.T) {
	var order []string
	c := subscribed(func(c *control, kind string) {
		order = append(order, kind)
		switch kind {
		case EndpointType: // now the clusters are warm
			c.answer(EndpointType)
			c.answer(ClusterType)
		case ListenerType:
			c.answer(ListenerType)
		}
	})
	if err := c.apply(some, time.Second); err != nil {
		t.Fatal(err)
	}
	if want := []string{ClusterType, EndpointType, ListenerType}; !slices.Equal(order, want) {
		t.Errorf("got %v, want %v", order, want)
	}
}

func TestSilenceTimesOut(t *testing.T) {
	c := subscribed(func(*control, string) {})
	for range 20 {
		err := c.apply(some, time.Millisecond)
		if err == nil || !strings.Contains(err.Error(), "(cluster.v3.Cluster) in time") {
			t.Fatalf("got %v", err)
		}
		if len(c.resources) > 0 {
			t.Fatal("it stays with what Envoy did not take")
		}
	}
}

func TestNothingIsAwaitedThatEnvoyNoLongerWants(t *testing.T) {
	c := subscribed(func(c *control, kind string) {
		if kind != EndpointType {
			c.answer(kind)
			return
		}
		c.request(&discovery.DiscoveryRequest{TypeUrl: EndpointType, ResponseNonce: "0"})
	})
	if err := c.apply(Resources{}, time.Second); err != nil {
		t.Fatal(err)
	}
}
