// Package manifests reads Kubernetes objects and remembers where each came from.
package manifests

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"

	"cdk8s-lanes/mesh-runner/internal/contract"
)

// Object is one Kubernetes object and its origin.
type Object struct {
	*unstructured.Unstructured
	// File, or "-" for standard input, "(text)" and "(objects)" for what did not come from a file.
	File string
	// Document counts from 1 within the file; Line is where the document begins.
	Document int
	Line     int
}

// JSON is the object as canonical JSON.
func (o Object) JSON() []byte {
	data, err := json.Marshal(o.Object)
	if err != nil {
		// What was decoded from JSON can be encoded again.
		panic(err)
	}
	return data
}

// String names the object for messages.
func (o Object) String() string {
	name := o.GetName()
	if ns := o.GetNamespace(); ns != "" {
		name = ns + "/" + name
	}
	return o.GetKind() + " " + name
}

// Origin says where the object came from.
func (o Object) Origin() string {
	if o.Line == 0 {
		return fmt.Sprintf("%s, document %d", o.File, o.Document)
	}
	return fmt.Sprintf("%s, document %d, line %d", o.File, o.Document, o.Line)
}

// Load reads all manifests. Objects of a namespaced kind get the default namespace if they have none.
func Load(in contract.Manifests, namespace string) ([]Object, error) {
	var objects []Object
	for _, name := range in.Files {
		files, err := expand(name)
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			data, err := read(file)
			if err != nil {
				return nil, contract.Inputf("cannot read manifests: %v", err)
			}
			if objects, err = parse(objects, file, data); err != nil {
				return nil, err
			}
		}
	}
	objects, err := parse(objects, "(text)", []byte(in.YAML))
	if err != nil {
		return nil, err
	}
	for i, object := range in.Objects {
		// Encoded and decoded again, because encoding/json has made floats of all numbers.
		data, err := json.Marshal(object)
		if err != nil {
			return nil, contract.Inputf("object %d: %v", i+1, err)
		}
		if objects, err = add(objects, data, "(objects)", i+1, 0); err != nil {
			return nil, err
		}
	}
	for _, object := range objects {
		if object.GetNamespace() == "" && !clusterScoped[object.GetKind()] {
			object.SetNamespace(namespace)
		}
	}
	return objects, nil
}

// clusterScoped are the kinds without a namespace that manifests of applications are likely to hold.
var clusterScoped = map[string]bool{
	"Namespace": true, "Node": true, "PersistentVolume": true, "StorageClass": true, "ClusterRole": true,
	"ClusterRoleBinding": true, "CustomResourceDefinition": true, "PriorityClass": true, "IngressClass": true,
	"GatewayClass": true, "MutatingWebhookConfiguration": true, "ValidatingWebhookConfiguration": true,
	"ValidatingAdmissionPolicy": true, "ValidatingAdmissionPolicyBinding": true, "APIService": true,
}

// expand lists the manifests of a folder, in order of their paths; a file is its own list.
func expand(name string) ([]string, error) {
	if name == "-" {
		return []string{name}, nil
	}
	info, err := os.Stat(name)
	if err != nil {
		return nil, contract.Inputf("cannot read manifests: %v", err)
	}
	if !info.IsDir() {
		return []string{name}, nil
	}
	var files []string
	err = filepath.WalkDir(name, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		switch strings.ToLower(filepath.Ext(path)) {
		case ".yaml", ".yml", ".json":
			if !entry.IsDir() {
				files = append(files, path)
			}
		}
		return nil
	})
	if err != nil {
		return nil, contract.Inputf("cannot read manifests: %v", err)
	}
	if len(files) == 0 {
		return nil, contract.Inputf("no .yaml, .yml or .json file in folder '%s'", name)
	}
	return files, nil
}

func read(file string) ([]byte, error) {
	if file == "-" {
		return io.ReadAll(os.Stdin)
	}
	return os.ReadFile(file)
}

// parse appends the objects of a YAML or JSON text.
func parse(objects []Object, file string, data []byte) ([]Object, error) {
	for i, doc := range split(data) {
		asJSON, err := yaml.YAMLToJSONStrict(doc.text)
		if err != nil {
			return nil, contract.Inputf("%s, document %d (line %d): %v", file, i+1, doc.line, err)
		}
		if objects, err = add(objects, asJSON, file, i+1, doc.line); err != nil {
			return nil, err
		}
	}
	return objects, nil
}

type document struct {
	text []byte
	line int
}

// split cuts a YAML stream at its separators and drops documents that hold nothing but comments. (The library's own
// splitter does not tell lines.)
func split(data []byte) []document {
	var docs []document
	current := document{line: 1}
	flush := func() {
		for _, line := range bytes.Split(current.text, []byte("\n")) {
			if line = bytes.TrimSpace(line); len(line) > 0 && line[0] != '#' {
				docs = append(docs, current)
				return
			}
		}
	}
	for i, line := range bytes.SplitAfter(data, []byte("\n")) {
		if rest, ok := bytes.CutPrefix(line, []byte("---")); ok && (len(rest) == 0 || bytes.ContainsAny(rest[:1], " \t\r\n")) {
			flush()
			current = document{line: i + 2}
			continue
		}
		current.text = append(current.text, line...)
	}
	flush()
	return docs
}

// add appends the object of one document, or the items of a List.
func add(objects []Object, asJSON []byte, file string, number, line int) ([]Object, error) {
	where := fmt.Sprintf("%s, document %d", file, number)
	var raw map[string]any
	if err := utiljson.Unmarshal(asJSON, &raw); err != nil {
		return nil, contract.Inputf("%s: not a Kubernetes object: %v", where, err)
	}
	object := Object{Unstructured: &unstructured.Unstructured{Object: raw}, File: file, Document: number, Line: line}
	if kind, _ := raw["kind"].(string); kind == "" {
		return nil, contract.Inputf("%s: not a Kubernetes object: 'kind' is missing", where)
	}
	if version, _ := raw["apiVersion"].(string); version == "" {
		return nil, contract.Inputf("%s: not a Kubernetes object: 'apiVersion' is missing", where)
	}
	if items, ok := raw["items"].([]any); ok && strings.HasSuffix(object.GetKind(), "List") {
		for _, item := range items {
			data, err := json.Marshal(item)
			if err != nil {
				return nil, contract.Inputf("%s: %v", where, err)
			}
			if objects, err = add(objects, data, file, number, line); err != nil {
				return nil, err
			}
		}
		return objects, nil
	}
	if metadata, ok := raw["metadata"].(map[string]any); !ok || metadata["name"] == nil || metadata["name"] == "" {
		return nil, contract.Inputf("%s: %s without 'metadata.name'", where, object.GetKind())
	}
	return append(objects, object), nil
}
