package main

var counters = `
load 30s
  c_total{job="a", i="0"} 0+10x20
  c_total{job="a", i="1"} 0+3x6 2+3x6 0 1 1 50
  c_total{job="b", i="0"} 100 200 _ _ 350 400 _x5 900 910 stale 5 10 15
  c_total{job="b", i="1"} _x8 7+7x8
  g{job="a", i="0"} 5 3 8.5 -2 0 NaN 4 4 4 1e3 -1e3 0.25 7 stale _ _ 3 2
  g{job="a", i="1"} Inf 1 2 -Inf 3 _ 4 _ _ 5 6 7 8 9 10 11
  g{job="b", i="0"} 1x18
  g{job="b", i="1"} 1e-3+1e-3x18
  lonely 42
  twice 1 2
`

// Dense values, so that @ and offset have something to find everywhere.
var plainSeries = `
load 1m
  requests{job="api", instance="0", env="prod"} 0+10x60
  requests{job="api", instance="1", env="prod"} 0+20x60
  requests{job="api", instance="0", env="test"} 0+30x60
  requests{job="app", instance="0", env="prod"} 0+40x60
  requests{job="app", instance="1", env="test"} 0+50x60
  up{job="api", instance="0"} 1x30 0x10 1x20
  up{job="app", instance="0"} 1x5 stale _x5 1x40
  temp{room="a"} 20 21.5 19 _ 22 NaN 23 -5 0 100x51
`

var operands = `
load 1m
  a{x="1", y="1", z="p"} 10
  a{x="1", y="2", z="p"} 20
  a{x="2", y="1", z="q"} -3.5
  a{x="3", y="1", z="q"} 0
  b{x="1", y="1", w="m"} 4
  b{x="1", y="2", w="m"} 20
  b{x="2", y="1", w="n"} -2
  b{x="4", y="1", w="n"} 8
  one{x="1", info="first"} 2
  one{x="2", info="second"} 3
  one{x="3"} 5
  odd{x="1"} NaN
  odd{x="2"} Inf
  odd{x="3"} -Inf
  odd{x="4"} 0
  odd{x="5"} -0.0
  solo 7
`

var members = `
load 1m
  m{job="a", inst="0", env="p"} 1
  m{job="a", inst="1", env="p"} 2
  m{job="a", inst="2", env="c"} 6
  m{job="b", inst="0", env="p"} 10
  m{job="b", inst="1", env="c"} 30
  m{job="b", inst="2"} 45
  m{job="", inst="9"} -4
  nans{i="0"} NaN
  nans{i="1"} 1
  nans{i="2"} 5
  infs{i="0"} Inf
  infs{i="1"} -Inf
  infs{i="2"} 3
  only_nan NaN
  big{i="0"} 1
  big{i="1"} 1e100
  big{i="2"} 1
  big{i="3"} -1e100
  huge{i="0"} 1.7e308
  huge{i="1"} 1.7e308
  same{v="1", i="0"} 0.1
  same{v="1", i="1"} 0.1
  same{v="2", i="0"} 1e21
  same{v="2", i="1"} 100
  {"le bel metric", "a b"="1", c="x"} 3
`

var buckets = `
load 1m
  h_bucket{path="/a", le="0.1"} 0+1x20
  h_bucket{path="/a", le="0.5"} 0+3x20
  h_bucket{path="/a", le="1"} 0+7x20
  h_bucket{path="/a", le="+Inf"} 0+10x20
  h_bucket{path="/b", le="0.1"} 0x20
  h_bucket{path="/b", le="0.5"} 0+5x20
  h_bucket{path="/b", le="1"} 0+5x20
  h_bucket{path="/b", le="+Inf"} 0+5x20
  h_bucket{path="/c", le="-1"} 0+2x20
  h_bucket{path="/c", le="0"} 0+4x20
  h_bucket{path="/c", le="1"} 0+4x20
  h_bucket{path="/c", le="+Inf"} 0+8x20
  uneven_bucket{le="1"} 10x20
  uneven_bucket{le="2"} 9x20
  uneven_bucket{le="4"} 15x20
  uneven_bucket{le="+Inf"} 14x20
  no_inf_bucket{le="1"} 10x20
  no_inf_bucket{le="2"} 12x20
  only_inf_bucket{le="+Inf"} 5x20
  empty_bucket{le="1"} 0x20
  empty_bucket{le="+Inf"} 0x20
  odd_bucket{le="one"} 4x20
  odd_bucket{le="1"} 4x20
  odd_bucket{le="+Inf"} 9x20
  no_label 3x20
  same_bucket{le="1"} 4x20
  same_bucket{le="1.0"} 4x20
  same_bucket{le="+Inf"} 9x20
  nan_bucket{le="1"} NaN NaN NaN NaN NaN NaN NaN NaN NaN NaN NaN
  nan_bucket{le="2"} 5x20
  nan_bucket{le="+Inf"} 6x20
  q{q="low"} 0.2x20
`

var texts = `
load 1m
  t{src="web-1.eu", other="x"} 1
  t{src="db-2.us", other="y"} 2
  t{src="", other="z"} 3
  t{src="ünï.cödé", other="w"} 4
  pair{a="1", b="2", c=""} 5
  pair{a="", b="2", c="3"} 6
  s{v="node10", k="b"} 3
  s{v="node2", k="a"} NaN
  s{v="node1", k="b"} 1
  s{v="Node3", k="a"} 2
  {"with space", "la bel"="v 1"} 9
  {"with space", "la bel"="v 2"} 10
`

var moments = `
load 1m
  date{at="epoch"} 0
  date{at="leap day"} 1456704000
  date{at="end of leap february"} 1456790399
  date{at="before the epoch"} -86401
  date{at="2100, no leap year"} 4107542399
  date{at="fraction"} 1700000000.75
  date{at="new year's eve"} 1735689599
`

var values = `
load 1m
  v{i="neg"} -2.5
  v{i="zero"} 0
  v{i="half"} 0.5
  v{i="one"} 1
  v{i="pos"} 3.7
  v{i="big"} 1e15
  v{i="tiny"} 1e-12
  w{i="nan"} NaN
  w{i="inf"} Inf
  w{i="ninf"} -Inf
  ints{i="1"} 17
  ints{i="2"} -17
`

var (
	overTime = []string{"avg_over_time", "min_over_time", "max_over_time", "sum_over_time", "count_over_time",
		"stddev_over_time", "stdvar_over_time", "last_over_time", "present_over_time", "absent_over_time",
		"mad_over_time", "first_over_time"}
	rates     = []string{"rate", "increase", "delta", "irate", "idelta", "changes", "resets", "deriv"}
	simple    = []string{"abs", "ceil", "floor", "sqrt", "exp", "ln", "log2", "log10", "sgn", "round"}
	trig      = []string{"sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "deg", "rad"}
	dateParts = []string{"day_of_month", "day_of_week", "day_of_year", "days_in_month", "hour", "minute", "month", "year"}
	folds     = []string{"sum", "avg", "min", "max", "count", "stddev", "stdvar", "group"}
	groupings = []string{"", "by (job)", "by (job, env)", "by ()", "without (inst)", "without (job, env)", "by (missing)", "by (__name__)"}
)

func families() []family {
	return []family{
		rateFamily(), overTimeFamily(), smoothingFamily(), selectorFamily(), modifierFamily(), subqueryFamily(),
		arithmeticFamily(), matchingFamily(), setFamily(), aggregateFamily(), rankFamily(), histogramFamily(),
		labelFamily(), dateFamily(), mathFamily(), absenceFamily(), literalFamily(), infoFamily(), durationFamily(), errorFamily(),
	}
}

func rateFamily() family {
	return newFamily("rates", "Counters and gauges over time: resets, gaps, NaN, late starts.", counters, []part{
		{[]string{"0", "45s", "5m", "9m30s", "12m"}, nil, each([]string{"$1($2[$3])"}, rates, []string{"c_total", "g"}, []string{"1m", "5m"})},
		{nil, []string{"0 12m 1m30s"}, each([]string{"$1(c_total[2m])", "$1({__name__=~\"g|lonely\"}[3m])"}, rates)},
		{[]string{"2m", "7m"}, nil, each([]string{"$1(twice[10m])", "$1(lonely[10m])", "$1(nothing[5m])"}, rates)},
		{[]string{"6m"}, nil, []string{`rate({job="a"}[5m])`, `rate(c_total{job="a"}[4m]) > 0.1`, `sum by (job) (rate(c_total[5m]))`}},
	})
}

func overTimeFamily() family {
	return newFamily("over_time", "Aggregation over time.", counters, []part{
		{[]string{"0", "4m", "8m", "11m15s"}, nil, each([]string{"$1($2[$3])"}, overTime, []string{"g", "c_total"}, []string{"90s", "4m"})},
		{nil, []string{"0 10m 2m"}, each([]string{"$1(g[3m])"}, overTime)},
		{[]string{"3m", "7m"}, nil, each([]string{"quantile_over_time($1, g[4m])"}, []string{"0", "0.25", "0.5", "0.99", "1", "-1", "1.5", "NaN"})},
		{[]string{"20m"}, nil, each([]string{"$1(g[2m])", "$1(nothing[2m])"}, overTime)},
	})
}

func smoothingFamily() family {
	return newFamily("smoothing", "predict_linear and double_exponential_smoothing.", counters, []part{
		{[]string{"2m", "6m", "9m"}, nil, each([]string{"predict_linear($1[4m], $2)"}, []string{"c_total", "g"}, []string{"0", "60", "-60", "3600", "NaN"})},
		{[]string{"2m", "6m", "9m"}, nil, each([]string{"double_exponential_smoothing($1[5m], $2, $3)"}, []string{"c_total", "g"}, []string{"0.1", "0.5"}, []string{"0.3", "0.9"})},
		{[]string{"5m"}, nil, []string{"double_exponential_smoothing(g[5m], 1, 0.5)", "double_exponential_smoothing(g[5m], 0.5, 2)", "double_exponential_smoothing(g[5m], 0, 0.5)"}},
		{nil, []string{"1m 9m 2m"}, []string{"predict_linear(g[4m], 120)", "deriv(g[4m])", "predict_linear(c_total[3m], 60) > 100.5"}},
	})
}

func selectorFamily() family {
	return newFamily("selectors", "Matchers, lookback, staleness.", plainSeries, []part{
		{[]string{"0", "5m", "10m", "64m59s", "65m"}, nil, []string{
			"up", "temp", "requests", `requests{job="api"}`, `requests{job!="api"}`, `requests{job=~"ap."}`, `requests{job!~"a.i"}`,
			`requests{job=~"i"}`, `requests{missing=""}`, `requests{missing!=""}`, `requests{env=~"prod|test", instance="1"}`,
			`{__name__=~"u.*"}`, `{__name__="up", job="app"}`, `{job=~".+", __name__!="requests"}`, `{"up"}`, `{"up", "job"="api"}`,
			`requests{job=~"", instance="0"}`, `requests{env=~"(?i)PROD"}`, `nothing`, `up == 0`, `up{job="app"} offset 1m`,
		}},
		{nil, []string{"0 14m 1m", "58m 68m 2m", "0 1m 15s"}, []string{"up", "temp", `requests{instance="1"}`, `count(up)`}},
		{[]string{"12m"}, nil, []string{"timestamp(up)", "timestamp(temp)", `timestamp(up{job="api"} offset 2m)`, "timestamp(up + 0)", "timestamp(timestamp(up))"}},
	})
}

func modifierFamily() family {
	return newFamily("modifiers", "offset, @, start() and end().", plainSeries, []part{
		{[]string{"0", "10m", "30m"}, nil, append(each([]string{`requests{job="app"} $1`, `sum(requests $1)`, `rate(requests{env="test"}[5m] $1)`},
			[]string{"offset 5m", "offset -5m", "@ 600", "@ 600.5", "@ start()", "@ end()", "@ 1200 offset 5m", "offset 5m @ 1200", "offset 0s", "@ -60", "offset 1h"}),
			`requests{job="app"} @ 0 - requests{job="app"} @ 600`, `up offset 6m unless up`)},
		{nil, []string{"5m 35m 10m"}, each([]string{`requests{job="app"} $1`, `increase(requests{env="test"}[5m] $1)`},
			[]string{"offset 5m", "offset -5m", "@ 600", "@ start()", "@ end()", "@ end() offset 5m"})},
	})
}

func subqueryFamily() family {
	return newFamily("subqueries", "Expressions over time.", plainSeries, []part{
		{[]string{"0", "10m", "31m10s"}, nil, append(each([]string{"$1($2[10m:2m])"},
			[]string{"avg_over_time", "max_over_time", "count_over_time", "last_over_time", "stddev_over_time", "changes", "sum_over_time"},
			[]string{"temp", "up", "rate(requests[3m])", "sum by (job) (requests)"}),
			"max_over_time(rate(requests[5m])[10m:])", "sum_over_time(up[7m:1m] offset 3m)", "sum_over_time(up[7m:1m] @ 900)",
			"min_over_time(avg_over_time(temp[3m:1m])[5m:90s])", "count_over_time((up == 1)[10m:1m])", "increase(requests[5m:1m])",
			"deriv(temp[10m:1m])", "absent_over_time(nothing[5m:1m])", "quantile_over_time(0.5, temp[8m:30s])", "rate(sum(requests)[5m:1m])",
			"max_over_time(vector(time() - 600)[5m:1m])", "sum_over_time(vector(1)[10m:1m])", "count_over_time(up[10m:7m])", "sum_over_time(requests{job=\"api\"}[3m:1m] offset -2m)")},
		{nil, []string{"0 20m 5m"}, []string{"avg_over_time(temp[5m:1m])", "max_over_time(rate(requests[3m])[6m:2m])", "count_over_time(up[5m:45s])", "sum_over_time(up[5m:1m] @ end())"}},
	})
}

func arithmeticFamily() family {
	ops := []string{"+", "-", "*", "/", "%", "^", "atan2"}
	compare := []string{"==", "!=", ">", "<", ">=", "<="}
	return newFamily("arithmetic", "Operators on scalars and vectors.", operands, []part{
		{[]string{"0"}, nil, each([]string{"a $1 2", "3 $1 a", "odd $1 2", "7 $1 3", "-7 $1 3.5", "a $1 b", "odd $1 odd", "solo $1 on() solo", "1 $1 0", "odd $1 0", "a $1 on(x, y) b", "a $1 -b", "0 $1 odd", "NaN $1 1", "Inf $1 Inf"}, ops)},
		{[]string{"0"}, nil, each([]string{"a $1 2", "3 $1 a", "odd $1 0", "a $1 bool 10", "7 $1 bool 3", "a $1 ignoring(z, w) b", "a $1 bool on(x, y) b", "odd $1 odd", "odd $1 bool odd", "NaN $1 bool NaN", "10 $1 bool a", "a{y=\"1\"} $1 on(x) one", "a $1 Inf", "a $1 on(x, y) group_left(w) b"}, compare)},
		{[]string{"0"}, nil, []string{"-a", "+a", "-odd", "--a", "-1 ^ 2", "2 ^ 3 ^ 2", "1 + 2 * 3 - 4 / 2 % 3", "(1 + 2) * 3", "a * 2 + 1 > 15", "-a ^ 2", "a > 0 < 15", "2 * a % 3", "1 - -1", "a == bool 10 + 1", "1 < bool 2 == bool 1", "a - a", "-(a + b)", "+odd", "a % 0", "-7 % 4", "7 % -4", "5.5 % 2", "0 / 0", "1 / 0", "-1 / 0", "0 ^ 0", "(-8) ^ (1 / 3)", "solo atan2 on() solo"}},
		{nil, []string{"0 4m 1m"}, []string{"a + 1", "a > 5", "time() * 2", "1 + 1", "a + ignoring(z, w) b"}},
	})
}

func matchingFamily() family {
	return newFamily("matching", "Vector matching, its groups and its errors.", operands, []part{
		{[]string{"0"}, nil, append(each([]string{"a $1 on(x) group_left one", "a $1 on(x) group_left(info) one", "one $1 on(x) group_right(info) a", "one $1 on(x) group_right a", "a $1 on(x, y) b",
			"a $1 ignoring(z, w) b", "a $1 on() group_left solo", "solo $1 on() group_right a", "a $1 on(x) one", "one $1 on(x) a", "a $1 on(y) b", "a $1 one", "a $1 on(x) group_left(z) one", "a $1 on(x) group_right one",
			"b $1 on(x) group_left(info, missing) one", "a $1 ignoring(y, z, info) group_left one", "nothing $1 on(x) a", "a $1 on(x) nothing"}, []string{"+", "/", ">", "== bool", "atan2"}),
			"a * on(x) group_left(y) one", "sum by (x) (a) / on(x) one", "a + on(x, missing) group_left one", "a * on(x) group_left(__name__) one", "a + on(__name__) a", "a == on(x, y, z) a", `{__name__=~"a|b"} + on(x, y) b`, `a + on(x) group_left {__name__=~"one|solo"}`)},
		{nil, []string{"0 6m 3m"}, []string{"a + on(x) group_left(info) one", "a / ignoring(z, w) b", "a + on(x) one"}},
	})
}

func setFamily() family {
	return newFamily("sets", "and, or, unless.", operands, []part{
		{[]string{"0"}, nil, append(each([]string{"a $1 b", "a $1 on(x) b", "a $1 on(x, y) b", "a $1 ignoring(z, w) b", "a $1 on() solo", "a $1 nothing", "nothing $1 a", "a $1 on(x) one", "one $1 on(x) a", "a $1 a", "(a > 5) $1 on(x, y) b", "odd $1 odd", "a $1 on() nothing", "a $1 on() vector(1)", "vector(1) $1 on() a", "a * 2 $1 a"}, []string{"and", "or", "unless"}),
			"a or b or one", "a and on(x) b unless on(y) one", "a or on(x) b and on(x) one", "a unless on(x) b or solo", "vector(0) or on() a", "(a or b) * 2", "sum(a) or vector(0)", "sum(nothing) or vector(0)")},
		{nil, []string{"0 8m 2m"}, []string{"a or on() vector(0)", "a and on(x) b", "a unless on(x) b", "absent(a) or a"}},
	})
}

func aggregateFamily() family {
	var exprs []string
	for _, grouping := range groupings {
		exprs = append(exprs, each([]string{"$1 " + grouping + " (m)"}, folds)...)
	}
	return newFamily("aggregation", "Aggregation operators.", members, []part{
		{[]string{"0"}, nil, exprs},
		{[]string{"0"}, nil, each([]string{"$1($2)"}, folds, []string{"nans", "infs", "only_nan", "big", "huge", "same", "nothing", `{__name__=~"m|nans"}`, `{"le bel metric"}`})},
		{[]string{"0"}, nil, each([]string{"quantile($1, $2)", "quantile by (job) ($1, m)"}, []string{"0", "0.5", "0.9", "1", "-1", "2", "NaN", "scalar(only_nan)"}, []string{"m", "nans", "infs", "nothing"})},
		{[]string{"0"}, nil, []string{`count_values("v", same)`, `count_values("value", m)`, `count_values by (job) ("v", m)`, `count_values without (inst) ("v", m)`, `count_values("v", nans)`, `count_values("v", infs)`, `count_values("job", m)`, `count_values("a b", same)`, `count_values("", m)`, `count_values("v", nothing)`, `sum by ("a b") ({"le bel metric"})`, `sum(m) by (env)`, `avg(huge)`, `avg(big)`, `sum by (job) (m) / count by (job) (m)`, `max by (env) (m > 5)`, `group by (env) (m) * 3`, `count(m > 100)`, `stddev(m) ^ 2 / stdvar(m)`}},
		{nil, []string{"0 9m 3m"}, each([]string{"$1 by (job) (m)", "$1(nans)"}, folds)},
	})
}

func rankFamily() family {
	return newFamily("ranking", "topk, bottomk, sort.", members, []part{
		{[]string{"0"}, nil, append(each([]string{"$1($2, m)", "$1 by (job) ($2, m)", "$1 without (inst) ($2, m)", "$1($2, nans)", "$1($2, infs)"}, []string{"topk", "bottomk"}, []string{"0", "1", "2", "3", "100", "-1", "1.9", "NaN"}),
			"sort(m)", "sort_desc(m)", "sort(nans)", "sort_desc(nans)", "sort(infs)", "sort_desc(infs)", "sort(m * -1)", "sort(nothing)", "topk(scalar(nothing), m)", "topk(2, m > 5)", "topk(1, nothing)", "topk(1, m) by (env)", "bottomk(Inf, m)", "topk(1e10, m)", "topk(-Inf, m)")},
		{nil, []string{"0 8m 2m"}, []string{"topk(2, m)", "bottomk(1, m) by (job)", "sort(m)", "sort_desc(m)"}},
		{[]string{"0"}, nil, each([]string{"$1(m{job!=\"\"}, \"inst\", \"job\")", "$1(m{env!=\"\"}, \"env\", \"inst\", \"job\")"}, []string{"sort_by_label", "sort_by_label_desc"})},
	})
}

func histogramFamily() family {
	names := []string{"h_bucket", "uneven_bucket", "no_inf_bucket", "only_inf_bucket", "empty_bucket", "odd_bucket", "no_label", "same_bucket", "nan_bucket", "nothing"}
	return newFamily("classic_histograms", "Quantiles and fractions of classic buckets.", buckets, []part{
		{[]string{"10m"}, nil, each([]string{"histogram_quantile($2, $1)"}, names, []string{"0", "0.1", "0.5", "0.9", "1", "-0.1", "1.1", "NaN"})},
		{[]string{"10m"}, nil, each([]string{"histogram_fraction($2, $1)"}, []string{"h_bucket", "no_inf_bucket", "only_inf_bucket", "empty_bucket", "odd_bucket", "no_label", "same_bucket", "nothing"}, []string{"0, 0.5", "-Inf, Inf", "0.1, 0.7", "1, 2", "0.5, 0.1", "-1, 0", "NaN, 1", "0, Inf", "-Inf, 0.3", "0.2, 0.2"})},
		{[]string{"0", "10m"}, nil, each([]string{"histogram_quantile($1, rate(h_bucket[5m]))", "histogram_quantile($1, sum by (le) (rate(h_bucket[5m])))", "histogram_quantile($1, sum by (le, path) (h_bucket))", "histogram_quantile($1, sum(h_bucket) by (path))"}, []string{"0.05", "0.5", "0.75", "0.99", "scalar(q)"})},
		{nil, []string{"2m 14m 4m"}, []string{"histogram_quantile(0.8, rate(h_bucket[5m]))", "histogram_quantile(0.5, uneven_bucket)", `histogram_fraction(0, 0.6, h_bucket{path="/a"})`}},
		{[]string{"10m"}, nil, []string{`histogram_quantile(0.5, {__name__=~"h_bucket|uneven_bucket"})`, `histogram_quantile(0.5, h_bucket{le!="+Inf"})`, `histogram_quantile(0.5, h_bucket > 30)`}},
	})
}

func labelFamily() family {
	return newFamily("labels", "label_replace, label_join, sorting by labels.", texts, []part{
		{[]string{"0"}, nil, []string{
			`label_replace(t, "dst", "$1", "src", "(.*)")`, `label_replace(t, "dst", "$1", "src", "([a-z]+)-.*")`, `label_replace(t, "dst", "${1}_$2", "src", "([a-z]+)-([0-9]).*")`,
			`label_replace(t, "src", "", "src", ".*")`, `label_replace(t, "other", "same", "src", "web.*")`, `label_replace(t, "dst", "$name", "src", "(?P<name>[a-z]+)-.*")`,
			`label_replace(t, "dst", "x", "src", "eu")`, `label_replace(t, "dst", "$5", "src", "(.*)")`, `label_replace(t, "dst", "$$1", "src", "(.*)")`, `label_replace(t, "dst", "a$", "src", "(.*)")`,
			`label_replace(t, "__name__", "u", "src", ".*")`, `label_replace(t, "dst", "$1", "missing", "(.*)")`, `label_replace(t, "dst", "v", "missing", "")`, `label_replace(t, "dst", "v", "missing", ".+")`,
			`label_replace(t, "bad label", "v", "src", ".*")`, `label_replace(t, "", "v", "src", ".*")`, `label_replace(t, "dst", "v", "src", "(")`, `label_replace(t, "other", "", "src", ".*")`,
			`label_replace(t, "dst", "$1", "src", "(?s)(.)(.*)")`, `label_replace(t, "dst", "${2}${1}", "src", "(.)(.*)")`, `label_replace(t, "dst", "$1a", "src", "(.)(.*)")`, `label_replace(nothing, "dst", "$1", "src", "(.*)")`,
			`label_replace({"with space"}, "short", "$1", "la bel", "v (.*)")`, `label_replace(s, "v", "n", "v", "node.*")`, `label_replace(t, "dst", "é$1", "src", "(.).*")`,
			`label_join(pair, "j", "-", "a", "b", "c")`, `label_join(pair, "j", "", "a", "b")`, `label_join(pair, "j", "::", "b")`, `label_join(pair, "j", ",")`, `label_join(pair, "a", "-", "a", "a")`,
			`label_join(pair, "j", "-", "missing")`, `label_join(pair, "b", "-", "missing")`, `label_join(pair, "j", "-", "__name__", "b")`, `label_join(pair, "", "-", "b")`, `label_join(t, "src", "", "none")`,
			`label_join({"with space"}, "new one", "/", "la bel", "la bel")`, `label_join(nothing, "j", "-", "a")`, `label_join(s, "k", "-", "missing")`,
			`label_replace(label_join(pair, "j", "-", "a", "b"), "first", "$1", "j", "(.*)-.*")`, `sum by (dst) (label_replace(t, "dst", "$1", "src", ".*\\.(.*)"))`,
			`label_replace(t, "__name__", "", "src", ".*")`, `label_replace(rate(t[5m]), "__name__", "r", "src", ".*")`, `label_replace(t * 2, "__name__", "r", "src", ".*")`,
			`sort_by_label(s, "v")`, `sort_by_label_desc(s, "v")`, `sort_by_label(s, "k", "v")`, `sort_by_label_desc(s, "k", "v")`, `sort_by_label(t{src!=""}, "src")`,
		}},
		{nil, []string{"0 6m 2m"}, []string{`label_replace(t, "dst", "$1", "src", "(.*)-.*")`, `label_join(pair, "j", "-", "a", "b")`, `label_replace(s, "v", "n", "v", "node.*")`}},
	})
}

func dateFamily() family {
	return newFamily("dates", "Parts of dates, and time itself.", moments, []part{
		{[]string{"0"}, nil, each([]string{"$1(date)", "$1(nothing)", "$1(date + 3600)", "$1(vector(1e9))"}, dateParts)},
		{[]string{"0", "61m1s", "1000h"}, nil, append(each([]string{"$1()"}, dateParts), "time()", "vector(time())", "timestamp(vector(1))", "time() - 60 > bool 0", "minute(vector(time()))", "year(vector(1e11))", "hour(vector(-1))")},
		{nil, []string{"0 3h 1h"}, append(each([]string{"$1()"}, dateParts), "time()", "vector(time() / 60)", "timestamp(date)")},
	})
}

func mathFamily() family {
	return newFamily("math", "Functions of one value.", values, []part{
		{[]string{"0"}, nil, each([]string{"$1(v)", "$1(w)", "$1(-v)", "$1(nothing)"}, append(append([]string{}, simple...), trig...))},
		{[]string{"0"}, nil, each([]string{"round(v, $1)", "round(ints, $1)", "round(w, $1)"}, []string{"0.2", "5", "10", "0.1", "-1", "0", "NaN", "Inf"})},
		{[]string{"0"}, nil, each([]string{"clamp($2, $1)"}, []string{"-1, 1", "0, 0", "1, -1", "NaN, 1", "-Inf, Inf", "2, 3"}, []string{"v", "w"})},
		{[]string{"0"}, nil, each([]string{"clamp_min($2, $1)", "clamp_max($2, $1)"}, []string{"0", "-1.5", "NaN", "Inf", "-Inf"}, []string{"v", "w"})},
		{[]string{"0"}, nil, []string{"pi()", "scalar(v{i=\"pos\"})", "scalar(v)", "scalar(nothing)", "vector(scalar(ints{i=\"1\"}))", "vector(1) + scalar(w{i=\"inf\"})", "sgn(-0.0 * v)", "exp(ln(v))", "sqrt(v ^ 2)", "abs(v) % 1", "deg(rad(v))", "v * pi()", "ceil(v / 2) * 2", "clamp_max(clamp_min(v, 0), 1)", "rad(vector(1e308))", "deg(vector(1e306))", "round(vector(2.5))", "round(vector(-2.5))", "round(vector(0.49999999999999994))", "floor(vector(-0.5))", "ln(vector(0))", "log10(vector(-1))", "exp(vector(1000))", "acosh(vector(0.5))", "atanh(vector(1))"}},
		{nil, []string{"0 6m 3m"}, []string{"abs(v)", "scalar(v{i=\"half\"})", "clamp(v, -1, 1)", "round(v, 0.5)", "pi()"}},
	})
}

func absenceFamily() family {
	return newFamily("absence", "absent, absent_over_time, scalar of what is not there.", plainSeries, []part{
		{[]string{"0", "7m", "80m"}, nil, []string{
			"absent(up)", "absent(nothing)", `absent(nothing{job="x"})`, `absent(nothing{job="x", job="y"})`, `absent(nothing{job=~"x", env="p"})`, `absent(nothing{job!="x", env="p"})`, `absent(sum(nothing))`,
			`absent(nothing > 0)`, `absent(up{job="app"})`, `absent({job="nowhere"})`, `absent({"no such", "a b"="c"})`, `absent(rate(nothing{a="b"}[5m]))`, `absent((nothing{a="b"}))`, `absent(-nothing{a="b"})`, `absent(nothing{a="b"} offset 5m)`,
			`absent(nothing{a="b"} @ 60)`, `absent(nothing{a=""})`, "absent(vector(1))", `absent_over_time(up[5m])`, `absent_over_time(nothing{job="x"}[5m])`, `absent_over_time(up{job="app"}[2m])`, `absent_over_time(rate(nothing{a="b"}[5m])[5m:1m])`,
			`absent_over_time(nothing{a="b", c=~"d"}[1m])`, `absent(absent(up))`, `count(absent(nothing)) or vector(0)`, `present_over_time(up[5m])`, `absent(nothing{a="b"}) * 5`, `absent(up == 5)`,
		}},
		{nil, []string{"0 70m 7m"}, []string{`absent(up{job="app"})`, `absent_over_time(up{job="app"}[3m])`, `absent(nothing{a="b"})`, "absent(up)"}},
	})
}

func literalFamily() family {
	return newFamily("literals", "Numbers, strings, comments, precedence.", operands, []part{
		{[]string{"0"}, nil, []string{
			"12", "12.5", ".5", "1e3", "1E-3", "0x1f", "0X_1F", "1_000.5", "Inf", "+Inf", "-Inf", "inf", "NaN", "nan", "1_000_000", "5m", "1h30m", "1d", "10ms", "5m * 2", "1w2d", "017", "0x1_f",
			`"text"`, `'text'`, "`raw \\n`", `"tab\tquote\""`, `"\u00fc \x41 \101"`, `"ünïcödé"`, `("in parentheses")`,
			"(((1)))", "1 # a comment", "a{x=\"1\"}", "a{x='1', y=`1`,}", "sum(a)by(x)", "SUM(a) BY (x)", "a AND b", "a + ON(x, y) b", "1 == BOOL 1", "sum by(x,)(a)", "a OFFSET 1m", "avg (a)", "a{x=~\"1|\\\\d\"}", "2 ^ -1", "-2 ^ 2", "1 > bool 2 > bool 3", "1 + 2 - 3 * 4 / 5 % 6 ^ 7",
		}},
		{nil, []string{"0 2m 1m"}, []string{"12", "5m", "-1e-3", "0x10 + 1", "NaN"}},
	})
}

func infoFamily() family {
	return newFamily("info", "info() with target_info and others.", `
load 1m
  target_info{job="a", instance="1", version="v1", zone="x"} 1x10
  target_info{job="a", instance="2", version="v2"} 1x10
  build_info{job="a", instance="1", commit="c0"} 1x10
  metric{job="a", instance="1", l="m"} 0+1x10
  metric{job="a", instance="2", l="m"} 0+2x10
  metric{job="a", instance="3", l="m"} 0+3x10
  metric{job="b", instance="1", version="mine"} 0+4x10
`, []part{{[]string{"0", "5m"}, []string{"0 10m 5m"}, []string{
		"info(metric)", `info(metric, {version=~".+"})`, `info(metric, {zone="x"})`, `info(metric, {__name__="build_info"})`, `info(metric, {__name__=~".+_info", commit=~".+"})`, `info(nothing)`,
		`info(metric, {missing=~".+"})`, `info(metric, {missing=""})`, `info(rate(metric[5m]))`, `sum by (version) (info(metric))`, `info(metric{job="b"})`, `info(metric, {version="v1"})`, `info(metric, {version!="v1"})`,
	}}})
}

func durationFamily() family {
	return newFamily("durations", "Arithmetic in ranges, offsets and steps.", plainSeries, []part{
		{[]string{"20m", "40m"}, nil, []string{
			`increase(requests{job="app"}[2m+3m])`, `increase(requests{job="app"}[10m/2])`, `increase(requests{job="app"}[(1m+1m30s)*2])`, `requests{job="app"} offset (2*5m)`, `requests{job="app"} offset -(2m+30s)`,
			`sum_over_time(temp[5m*2:30s+30s])`, `rate(requests{job="api"}[300])`, `rate(requests{job="api"}[2^8])`, `count_over_time(temp[1h%25m])`, `requests{job="app"} offset 90`, `count_over_time(up[5m:1m*2])`,
		}},
		{nil, []string{"10m 20m 5m"}, []string{`count_over_time(requests{job="app"}[step()])`, `requests{job="app"} offset step()`, `count_over_time(temp[step()*2])`, `count_over_time(temp[range()])`}},
	})
}

func errorFamily() family {
	f := family{"errors", "What is not PromQL.", operands, []part{{[]string{"0"}, nil, []string{
		"1 unless 2", "a > bool", "sum(a", "a{x=}", "foo bar", "-\"text\"", "1 +", "{}", "rate(a)", "sum(1)", "a offset", "abs(a, a)", "unknown(a)", "0b1", "'it''", "sum by (x", "a{x=\"1\"", "a{x=~\"(\"}",
		"a[5m] + 1", "a[0s]", "a[5m:1m", "a[5]m", "a offset 5m offset 1m", "a @ 1 @ 2", "a @ b", "a @ NaN", "a @ Inf", "1 offset 5m", "(a + b) offset 5m", "rate(a[5m])[5m]", "a[5m][5m]", "a[5m:1m][5m]", "a and bool b", "a == bool", "1 == 2", "1 and a", "a or 1",
		"a + on(x) group_left group_right b", "a and on(x) group_left b", "a + on(x) group_left(x) b", "a + group_left b", "a + by(x) b", "sum(a, b)", "topk(a)", "topk(a, b)", "quantile(0.5)", "count_values(a)", "count_values(1, a)",
		"histogram_quantile(a, a)", "label_replace(a, \"x\", \"y\")", "label_join(a)", "round(a, b)", "vector(a)", "scalar(1)", "time(1)", "clamp(a, 1)", "absent()", "absent(a, b)", "sort(1)", "predict_linear(a[5m])", "minute(1)", "avg_over_time(a)", "rate(a[5m], 1)",
		"a{x=1}", "a{=\"1\"}", "a{x}", "a{x=\"1\" y=\"2\"}", "a{,}", "{x=\"\"}", "{x=~\".*\"}", "{x!=\"1\"}", "a{__name__=\"b\"}", "a b", "1 2", ")", "a)", "(a", "()", "[5m]", "a[]", "a[5q]", "a[-5m]", "a offset \"5m\"", "\"open", "`open", "\"\\q\"", "\"\\xg0\"", "a{x=\"\\\"}",
		"1 ++", "* a", "a **  b", "a =! b", "a = b", "a =~ b", "a ! b", "!a", "a & b", "a ? b", "$a", "a;b", "a-", "-", "by", "sum", "sum by", "sum by (x)", "sum by x (a)", "sum(a) by (\"x\" y)", "sum(a) by (1)", "offset", "0x", "1e", "1__0", "1_", "1.2.3", "5m5m", "1m1h", "a[5m] offset", "a @", "a @ start", "a @ start(", "a @ middle()", "bool", "a bool b", "-\"a\"", "+\"a\"", "\"a\" + \"b\"", "\"a\" == \"b\"", "a + \"b\"", "sum(\"a\")", "topk(\"a\", a)", "count_values(\"x\")", "limitk(a)", "limit_ratio(\"x\", a)", "group(1)", "stddev()", "holt_winters(a[5m], 0.5, 0.5)",
	}}}, true}
	return f
}
