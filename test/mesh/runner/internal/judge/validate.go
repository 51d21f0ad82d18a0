package judge

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"istio.io/istio/pkg/config/crd"

	"cdk8s-lanes/mesh-runner/internal/contract"
	"cdk8s-lanes/mesh-runner/internal/manifests"
)

// Validate judges every object of Istio's: by the schemas in the file of custom resource definitions, unless that is
// empty, and by the webhook.
func Validate(objects []manifests.Object, crds string) (*contract.Validation, error) {
	webhook, err := NewWebhook()
	if err != nil {
		return nil, err
	}
	var schemas *crd.Validator
	if crds != "" {
		// The definitions are Istio's own: checking them too would only cost time.
		schemas, err = crd.NewValidatorFromFilesWithOptions([]string{crds}, crd.WithoutCRDValidation())
		if errors.Is(err, fs.ErrNotExist) || err != nil && strings.Contains(err.Error(), "no such file") {
			return nil, contract.Inputf("the file of custom resource definitions is missing: %s", crds)
		}
		if err != nil {
			return nil, fmt.Errorf("custom resource definitions: %w", err)
		}
	}
	result := &contract.Validation{Valid: true, Objects: []contract.Verdict{}, Skipped: []string{}}
	for _, object := range objects {
		if !Known(object) {
			result.Skipped = append(result.Skipped, object.String())
			continue
		}
		verdict := contract.Verdict{
			APIVersion: object.GetAPIVersion(), Kind: object.GetKind(), Namespace: object.GetNamespace(), Name: object.GetName(),
			File: object.File, Document: object.Document, Line: object.Line,
			Errors: []contract.Finding{}, Warnings: []contract.Finding{},
		}
		if schemas != nil {
			// The validator fills in defaults, so it gets a copy.
			if err := schemas.ValidateCustomResource(object.DeepCopy()); err != nil {
				verdict.Errors = append(verdict.Errors, contract.Finding{Source: "schema", Message: err.Error()})
			}
		}
		refusals, warnings, err := webhook.Judge(object)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", object, err)
		}
		verdict.Errors = append(verdict.Errors, refusals...)
		verdict.Warnings = append(verdict.Warnings, warnings...)
		result.Valid = result.Valid && len(verdict.Errors) == 0
		result.Objects = append(result.Objects, verdict)
	}
	return result, nil
}

// Rejection is the error for the objects that have errors, nil if there are none.
func Rejection(v *contract.Validation) error {
	var rejected []contract.Verdict
	var lines []string
	for _, verdict := range v.Objects {
		for _, finding := range verdict.Errors {
			lines = append(lines, fmt.Sprintf("%s %s/%s (%s, document %d): %s",
				verdict.Kind, verdict.Namespace, verdict.Name, verdict.File, verdict.Document, finding.Message))
		}
		if len(verdict.Errors) > 0 {
			rejected = append(rejected, verdict)
		}
	}
	if len(rejected) == 0 {
		return nil
	}
	return &contract.Error{
		Kind: contract.KindRejected, Objects: rejected,
		Message: "Istio rejects:\n" + strings.Join(lines, "\n"),
	}
}
