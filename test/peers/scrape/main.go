// scrape URL RULES: what Prometheus makes of a controller's numbers, and of what is asked of them.
//
// The page at URL is read by the parser of Prometheus' own libraries and held against the rules of
// `promtool check metrics`; the file RULES against those of `promtool check rules`. Queries on standard
// input, one a line, are parsed, too. Every metric that a rule or a query names must be announced on the page.
//
// Prints a line for each family: its name, its kind, how many series it has. Anything wrong is an error.
package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"sort"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: scrape URL RULES <QUERIES")
		os.Exit(2)
	}
	problems, err := check(os.Args[1], os.Args[2], os.Stdin)
	if err != nil {
		problems = append(problems, err.Error())
	}
	for _, problem := range problems {
		fmt.Fprintln(os.Stderr, "scrape:", problem)
	}
	if len(problems) > 0 {
		os.Exit(1)
	}
}

func check(url, rules string, input io.Reader) ([]string, error) {
	page, err := fetch(url)
	if err != nil {
		return nil, err
	}
	textParser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := textParser.TextToMetricFamilies(bytes.NewReader(page))
	if err != nil {
		return nil, err
	}
	lines := []string{}
	for name, family := range families {
		lines = append(lines, fmt.Sprintln(name, family.GetType(), len(family.Metric)))
	}
	sort.Strings(lines)
	fmt.Print(strings.Join(lines, ""))

	problems := []string{}
	lint, err := promlint.New(bytes.NewReader(page)).Lint()
	if err != nil {
		return nil, err
	}
	for _, problem := range lint {
		problems = append(problems, problem.Metric+": "+problem.Text)
	}
	known := announced(page)
	queries, err := queriesOf(rules, input)
	if err != nil {
		return nil, err
	}
	for _, query := range queries {
		expression, err := promQL.ParseExpr(query)
		if err != nil {
			problems = append(problems, fmt.Sprintf("%s: %v", query, err))
			continue
		}
		parser.Inspect(expression, func(node parser.Node, _ []parser.Node) error {
			selector, ok := node.(*parser.VectorSelector)
			if ok && !known[selector.Name] {
				problems = append(problems, fmt.Sprintf("%s: there is no %s", query, selector.Name))
			}
			return nil
		})
	}
	return problems, nil
}

var promQL = parser.NewParser(parser.Options{})

// The page, asked for as Prometheus asks.
func fetch(url string) ([]byte, error) {
	request, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2,*/*;q=0.1")
	request.Header.Set("X-Prometheus-Scrape-Timeout-Seconds", "10")
	client := http.Client{Timeout: 10 * time.Second}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", url, response.Status)
	}
	if format := expfmt.ResponseFormat(response.Header); format.FormatType() != expfmt.TypeTextPlain {
		return nil, fmt.Errorf("%s: it is %q", url, response.Header.Get("Content-Type"))
	}
	return io.ReadAll(response.Body)
}

// The series that families on the page may have. The parser leaves out those that have none now.
func announced(page []byte) map[string]bool {
	known := map[string]bool{}
	for _, line := range strings.Split(string(page), "\n") {
		fields := strings.Fields(line)
		if len(fields) != 4 || fields[0] != "#" || fields[1] != "TYPE" {
			continue
		}
		if fields[3] != "histogram" {
			known[fields[2]] = true
			continue
		}
		for _, suffix := range []string{"_bucket", "_sum", "_count"} {
			known[fields[2]+suffix] = true
		}
	}
	return known
}

// The queries of the rules, which must be well-formed in all they have, and those of the input.
func queriesOf(rules string, input io.Reader) ([]string, error) {
	groups, errs := rulefmt.ParseFile(rules, false, model.UTF8Validation, promQL, slog.New(slog.DiscardHandler))
	if len(errs) > 0 {
		return nil, fmt.Errorf("%s: %v", rules, errs)
	}
	queries := []string{}
	for _, group := range groups.Groups {
		for _, rule := range group.Rules {
			queries = append(queries, rule.Expr)
		}
	}
	lines := bufio.NewScanner(input)
	for lines.Scan() {
		queries = append(queries, lines.Text())
	}
	return queries, lines.Err()
}
