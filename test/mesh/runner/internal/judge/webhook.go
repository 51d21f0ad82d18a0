// Package judge says what Istio thinks of manifests: the schemas of its custom resources, its admission webhook, its
// analyzers.
package judge

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	admission "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"istio.io/istio/pkg/config/schema/collections"
	"istio.io/istio/pkg/config/schema/resource"
	"istio.io/istio/pkg/webhooks/validation/server"

	"cdk8s-lanes/mesh-runner/internal/contract"
	"cdk8s-lanes/mesh-runner/internal/manifests"
)

// Webhook is istiod's validating webhook, asked as the API server would ask it.
type Webhook struct{ mux *http.ServeMux }

// NewWebhook makes a webhook.
func NewWebhook() (*Webhook, error) {
	mux := http.NewServeMux()
	_, err := server.New(server.Options{Schemas: collections.Istio, DomainSuffix: "cluster.local", Mux: mux})
	return &Webhook{mux: mux}, err
}

// Judge asks about one object.
func (w *Webhook) Judge(object manifests.Object) (errors, warnings []contract.Finding, err error) {
	kind := object.GroupVersionKind()
	review := admission.AdmissionReview{
		TypeMeta: metav1.TypeMeta{APIVersion: "admission.k8s.io/v1", Kind: "AdmissionReview"},
		Request: &admission.AdmissionRequest{
			UID:       types.UID(object.String()),
			Kind:      metav1.GroupVersionKind{Group: kind.Group, Version: kind.Version, Kind: kind.Kind},
			Namespace: object.GetNamespace(), Name: object.GetName(), Operation: admission.Create,
			Object: runtime.RawExtension{Raw: object.JSON()},
		},
	}
	body, err := json.Marshal(review)
	if err != nil {
		return nil, nil, err
	}
	request := httptest.NewRequest(http.MethodPost, "/validate", bytes.NewReader(body))
	request.Header.Set("Content-Type", "application/json")
	recorder := httptest.NewRecorder()
	w.mux.ServeHTTP(recorder, request)
	var answer admission.AdmissionReview
	if err := json.Unmarshal(recorder.Body.Bytes(), &answer); err != nil || answer.Response == nil {
		return nil, nil, fmt.Errorf("the webhook answers %d: %s", recorder.Code, recorder.Body)
	}
	if !answer.Response.Allowed {
		errors = append(errors, contract.Finding{Source: "webhook", Message: strings.TrimSpace(answer.Response.Result.Message)})
	}
	for _, warning := range answer.Response.Warnings {
		warnings = append(warnings, contract.Finding{Source: "webhook", Message: warning})
	}
	return errors, warnings, nil
}

// Known tells whether the object is one of Istio's.
func Known(object manifests.Object) bool {
	kind := object.GroupVersionKind()
	_, ok := collections.Istio.FindByGroupKind(resource.FromKubernetesGVK(&kind))
	return ok
}
