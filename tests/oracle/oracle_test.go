// Asks Prometheus itself: runs the files of ../unit/promql/testdata (or those in $FILES) through promqltest of
// the Prometheus in go.mod. Not part of `make test`, which needs no Go:
//
//	cd tests/oracle && go test -mod=mod .
package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/promqltest"
)

func TestPrometheusAgrees(t *testing.T) {
	files := strings.Fields(os.Getenv("FILES"))
	if len(files) == 0 {
		files, _ = filepath.Glob("../unit/promql/testdata/*.test")
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(filepath.Base(file), func(t *testing.T) {
			engine := promql.NewEngine(promql.EngineOpts{
				MaxSamples: 1000000,
				Timeout:    100 * time.Second,
				// As promqltest.h has it: subqueries without a step take one minute.
				NoStepSubqueryIntervalFn: func(int64) int64 { return 60000 },
				EnableAtModifier:         true,
				EnableNegativeOffset:     true,
				Parser:                   parser.NewParser(parser.Options{EnableExperimentalFunctions: true}),
			})
			promqltest.RunTest(t, string(text), engine)
		})
	}
}
