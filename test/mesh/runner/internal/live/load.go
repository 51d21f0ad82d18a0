package live

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"cdk8s-lanes/mesh-runner/internal/contract"
)

// Load sends requests and changes the mesh meanwhile. The answers are in the order in which the requests were sent.
func (m *Mesh) Load(ctx context.Context, load contract.LiveLoad) ([]contract.LiveAnswer, error) {
	if load.Host == "" || load.Count < 1 {
		return nil, contract.Inputf("a load needs 'host', and 'count' of at least 1")
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var sent atomic.Int64
	changed := make(chan error, 1)
	go func() { changed <- m.follow(ctx, load, &sent) }()

	answers := make([]contract.LiveAnswer, load.Count)
	var group sync.WaitGroup
	next := make(chan int)
	for range max(load.Concurrency, 1) {
		group.Add(1)
		go func() {
			defer group.Done()
			for i := range next {
				answers[i] = m.ask(ctx, load)
			}
		}()
	}
	for i := range answers {
		next <- i
		sent.Add(1)
		time.Sleep(time.Duration(load.IntervalMs) * time.Millisecond)
	}
	close(next)
	group.Wait()
	return answers, <-changed
}

// follow takes the steps.
func (m *Mesh) follow(ctx context.Context, load contract.LiveLoad, sent *atomic.Int64) error {
	for _, step := range load.Steps {
		if step.After > load.Count {
			return contract.Inputf("a step comes after %d requests of %d", step.After, load.Count)
		}
		for sent.Load() < int64(step.After) {
			time.Sleep(time.Millisecond)
		}
		if err := m.Change(ctx, step); err != nil {
			return err
		}
	}
	return nil
}

// ask sends one request.
func (m *Mesh) ask(ctx context.Context, load contract.LiveLoad) contract.LiveAnswer {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+m.address+"/"+strings.TrimPrefix(load.Path, "/"), nil)
	if err != nil {
		return contract.LiveAnswer{Text: err.Error()}
	}
	request.Host = load.Host
	for name, value := range load.Headers {
		request.Header.Set(name, value)
	}
	response, err := m.client.Do(request)
	if err != nil {
		return contract.LiveAnswer{Text: err.Error()}
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	answer := contract.LiveAnswer{
		Status: response.StatusCode, Workload: response.Header.Get(workloadHeader), Pod: response.Header.Get(podHeader),
		Headers: map[string]string{}, Text: string(body),
	}
	for name := range response.Header {
		if lower := strings.ToLower(name); lower != workloadHeader && lower != podHeader {
			answer.Headers[lower] = response.Header.Get(name)
		}
	}
	return answer
}
