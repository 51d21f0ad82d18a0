package manifests

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"cdk8s-lanes/mesh-runner/internal/contract"
)

func load(t *testing.T, in contract.Manifests) []Object {
	t.Helper()
	objects, err := Load(in, "default")
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

func TestDocumentsAreCountedAndPlaced(t *testing.T) {
	objects := load(t, contract.Manifests{YAML: `# only a comment
---
apiVersion: v1
kind: Service
metadata: {name: a}
---
---
apiVersion: v1
kind: Namespace
metadata: {name: b}
`})
	if len(objects) != 2 {
		t.Fatalf("got %d objects", len(objects))
	}
	if o := objects[0]; o.String() != "Service default/a" || o.Document != 1 || o.Line != 3 {
		t.Errorf("got %s, document %d, line %d", o, o.Document, o.Line)
	}
	if o := objects[1]; o.String() != "Namespace b" || o.Document != 2 || o.Line != 8 {
		t.Errorf("got %s, document %d, line %d", o, o.Document, o.Line)
	}
}

func TestListsAreTakenApart(t *testing.T) {
	objects := load(t, contract.Manifests{YAML: `
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Service, metadata: {name: a, namespace: x}}
- {apiVersion: v1, kind: Service, metadata: {name: b}}
`})
	if len(objects) != 2 || objects[0].String() != "Service x/a" || objects[1].String() != "Service default/b" {
		t.Errorf("got %v", objects)
	}
}

func TestNumbersStayIntegers(t *testing.T) {
	objects := load(t, contract.Manifests{Objects: []map[string]any{{
		"apiVersion": "v1", "kind": "Service", "metadata": map[string]any{"name": "a"}, "port": 80.0,
	}}})
	if _, ok := objects[0].Object["port"].(int64); !ok {
		t.Errorf("got %T", objects[0].Object["port"])
	}
}

func TestFoldersAreSearched(t *testing.T) {
	folder := t.TempDir()
	for name, text := range map[string]string{
		"b.yaml": "apiVersion: v1\nkind: Service\nmetadata: {name: b}\n", "c.txt": "nothing",
		"a/a.json": `{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}}`,
	} {
		file := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	objects := load(t, contract.Manifests{Files: []string{folder}})
	if len(objects) != 2 || objects[0].GetName() != "a" || objects[1].GetName() != "b" {
		t.Errorf("got %v", objects)
	}
}

func TestBadInputIsTheUsersError(t *testing.T) {
	for name, in := range map[string]contract.Manifests{
		"missing file":   {Files: []string{"/nosuch"}},
		"not YAML":       {YAML: "a: ["},
		"no kind":        {YAML: "apiVersion: v1\nmetadata: {name: a}"},
		"no apiVersion":  {YAML: "kind: Service\nmetadata: {name: a}"},
		"no name":        {YAML: "apiVersion: v1\nkind: Service"},
		"double key":     {YAML: "apiVersion: v1\nkind: A\nkind: B\nmetadata: {name: a}"},
		"scalar":         {YAML: "hello"},
		"list of things": {YAML: "- a\n- b"},
	} {
		_, err := Load(in, "default")
		var known *contract.Error
		if !errors.As(err, &known) || known.Kind != contract.KindInput {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
