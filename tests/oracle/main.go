// Asks Prometheus 3 itself: evaluates expressions over series with its engine and writes what it
// answers as promqltest files, which a test reads that needs no Go. See README.md.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// The tree takes no file above 256 KiB.
const fileBytesMax = 200_000

func main() {
	seed := flag.Int64("seed", 1, "of the random pairs")
	pairs := flag.Int("pairs", 2400, "how many random pairs to keep")
	families := flag.Bool("families", true, "write the families, too")
	out := flag.String("out", "golden", "the folder to write to")
	flag.BoolVar(&withAnnotations, "annotations", true, "write which warnings and infos are expected")
	flag.Parse()
	if err := run(*seed, *pairs, *families, *out); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(seed int64, pairs int, withFamilies bool, out string) error {
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	total := 0
	if withFamilies {
		for _, f := range families() {
			text, count, err := f.golden()
			if err != nil {
				return fmt.Errorf("%s: %w", f.name, err)
			}
			total += count
			fmt.Printf("%-22s %5d\n", f.name, count)
			if err := write(filepath.Join(out, f.name+".test"), text); err != nil {
				return err
			}
		}
	}
	fmt.Printf("%-22s %5d\n", "families", total)
	return writeRandom(seed, pairs, out)
}

func writeRandom(seed int64, pairs int, out string) error {
	old, _ := filepath.Glob(filepath.Join(out, "random_*.test"))
	for _, file := range old {
		if err := os.Remove(file); err != nil {
			return err
		}
	}
	r := newRandomPairs(seed)
	file, kept := 0, 0
	var text strings.Builder
	flush := func() error {
		if text.Len() == 0 {
			return nil
		}
		file++
		head := fmt.Sprintf("# Random pairs of seed %d, answered by Prometheus 3.\n\n", seed)
		err := write(filepath.Join(out, fmt.Sprintf("random_%02d.test", file)), head+text.String())
		text.Reset()
		return err
	}
	for kept < pairs {
		world, count, err := r.world()
		if err != nil {
			return err
		}
		if text.Len()+len(world) > fileBytesMax {
			if err := flush(); err != nil {
				return err
			}
		}
		text.WriteString(world)
		kept += count
	}
	if err := flush(); err != nil {
		return err
	}
	fmt.Printf("%-22s %5d kept, %d dropped\n", "random", kept, r.dropped)
	return nil
}

func write(path, text string) error {
	return os.WriteFile(path, []byte(strings.TrimRight(text, "\n")+"\n"), 0o644)
}
