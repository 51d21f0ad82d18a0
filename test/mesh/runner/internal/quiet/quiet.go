// Package quiet keeps libraries from writing to standard output, which carries this program's JSON.
//
// Some of istiod's packages print warnings while they are initialised. Go initialises packages in the order of their
// import paths as far as dependencies allow; this one imports only os and sorts before istio.io, so it is first.
package quiet

import "os"

// DebugVariable is the environment variable that sends what libraries print to standard error instead of nowhere.
const DebugVariable = "MESH_RUNNER_DEBUG"

// Out is the process's real standard output.
var Out = os.Stdout

// Debug tells whether the user asked for the libraries' logs.
var Debug = os.Getenv(DebugVariable) != ""

func init() {
	os.Stdout = os.Stderr
	if !Debug {
		if null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0); err == nil {
			os.Stdout = null
		}
	}
	// istiod's test environment warns when these folders of its own source tree are missing.
	for _, name := range []string{"TARGET_OUT", "LOCAL_OUT"} {
		os.Setenv(name, os.TempDir())
	}
}
