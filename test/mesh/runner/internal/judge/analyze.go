package judge

import (
	"fmt"
	"strings"

	"sigs.k8s.io/yaml"

	corev1 "k8s.io/api/core/v1"

	"istio.io/istio/pkg/config/analysis/analyzers"
	"istio.io/istio/pkg/config/analysis/local"

	kube "cdk8s-lanes/mesh-runner/internal/cluster"
	"cdk8s-lanes/mesh-runner/internal/contract"
	"cdk8s-lanes/mesh-runner/internal/manifests"
)

// made is the origin of what the manifests do not bring.
const made = "(made of the manifests)"

// Analyze runs istioctl's analyzers over the manifests and over what a cluster makes of them: the pods of Deployments
// and the gateways' pods and Services. From files alone istioctl skips
// every analyzer that looks at Services or Pods, and with filesOnly so does this.
func Analyze(objects []manifests.Object, c *kube.Cluster, filesOnly bool) (*contract.Analysis, error) {
	sources := map[string]*strings.Builder{}
	var order []string
	add := func(name string, object any) error {
		text, err := yaml.Marshal(object)
		if err != nil {
			return err
		}
		// The analyzer takes a second source of the same name for a replacement.
		if sources[name] == nil {
			sources[name] = &strings.Builder{}
			order = append(order, name)
		}
		fmt.Fprintf(sources[name], "---\n%s", text)
		return nil
	}
	known := map[string]manifests.Object{}
	for _, object := range objects {
		known[object.String()] = object
		if object.GetKind() == "Pod" {
			continue // added below, with their sidecars
		}
		if err := add(object.File, object.Object); err != nil {
			return nil, err
		}
	}
	for _, pod := range c.Pods {
		typed := pod.Object.DeepCopy()
		typed.APIVersion, typed.Kind = "v1", "Pod"
		if err := add(made, typed); err != nil {
			return nil, err
		}
	}
	for _, object := range c.Objects {
		var typed any
		switch o := object.(type) {
		case *corev1.Namespace:
			if _, ok := known["Namespace "+o.Name]; !ok {
				o.APIVersion, o.Kind = "v1", "Namespace"
				typed = o
			}
		case *corev1.Service:
			if _, ok := known["Service "+o.Namespace+"/"+o.Name]; !ok {
				o.APIVersion, o.Kind = "v1", "Service"
				typed = o
			}
		}
		if typed != nil {
			if err := add(made, typed); err != nil {
				return nil, err
			}
		}
	}
	analyzer := local.NewIstiodAnalyzer(analyzers.AllCombined(), "", kube.IstioNamespace, nil)
	var readers []local.ReaderSource
	for _, name := range order {
		readers = append(readers, local.ReaderSource{Name: name, Reader: strings.NewReader(sources[name].String())})
	}
	addSource := analyzer.AddTestReaderKubeSource
	if filesOnly {
		addSource = analyzer.AddReaderKubeSource
	}
	if err := addSource(readers); err != nil {
		return nil, contract.Inputf("the analyzers cannot read the manifests: %v", err)
	}
	stop := make(chan struct{})
	defer close(stop)
	result, err := analyzer.Analyze(stop)
	if err != nil {
		return nil, err
	}
	analysis := &contract.Analysis{Messages: []contract.Message{}, SkippedAnalyzers: []string{}}
	analysis.SkippedAnalyzers = append(analysis.SkippedAnalyzers, result.SkippedAnalyzers...)
	for _, message := range result.Messages {
		fields := message.Unstructured(true)
		text := func(name string) string {
			value, _ := fields[name].(string)
			return value
		}
		// The analyzers saw another text than the user's, so their line numbers mean nothing.
		reference := made
		if object, ok := known[text("origin")]; ok {
			reference = object.Origin()
		}
		analysis.Messages = append(analysis.Messages, contract.Message{
			Code: text("code"), Level: text("level"), Origin: text("origin"), Message: text("message"), Reference: reference,
		})
	}
	return analysis, nil
}
