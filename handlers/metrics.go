package handlers

import (
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/keydesk/keydesk/access"
)

// unavailableResult is the result of a verify that could not tell.
const unavailableResult access.Verdict = "unavailable"

// metrics are what the desk counts of itself, in the names of Prometheus (https://prometheus.io/docs/practices/naming/).
// They carry no User ID, key or address.
type metrics struct {
	verifies map[access.Verdict]prometheus.Counter // of every result
	took     prometheus.Histogram                  // of a verify
	flushes  prometheus.Histogram
	failed   prometheus.Counter // flushes
	pages    *prometheus.CounterVec
	handler  http.Handler
}

// newMetrics returns the metrics of a desk.
func newMetrics(c Config) *metrics {
	results := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "keydesk_verifies_total", Help: "Verifies by result.",
	}, []string{"result"})
	m := &metrics{
		verifies: map[access.Verdict]prometheus.Counter{},
		took: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "keydesk_verify_duration_seconds", Help: "How long the desk itself took to answer a verify.",
			Buckets: prometheus.ExponentialBuckets(500e-9, 4, 10), // half a microsecond to an eighth of a second
		}),
		flushes: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "keydesk_uses_flush_duration_seconds", Help: "How long it took to write the uses of keys down.",
			Buckets: prometheus.ExponentialBuckets(0.001, 4, 7),
		}),
		failed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "keydesk_uses_flush_failures_total", Help: "How often the uses of keys could not be written down, or not be added up; they are kept for the next time.",
		}),
		pages: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "keydesk_http_requests_total", Help: "Requests of pages, by route and status.",
		}, []string{"route", "status"}),
	}
	for _, verdict := range []access.Verdict{
		access.Accepted, access.Missing, access.Malformed, access.Conflict, access.Unknown, access.Deactivated, unavailableResult,
	} {
		m.verifies[verdict] = results.WithLabelValues(string(verdict))
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(results, m.took, m.flushes, m.failed, m.pages, buildInfo(c.Version),
		gauge("keydesk_keys", "Keys that verify knows, inactive ones included.", c.Keys.Len),
		gauge("keydesk_verify_current", "1 while what is in memory is all that there is to know; 0 while verify answers 503 because it may not be.", func() int {
			if c.DB.Current() {
				return 1
			}
			return 0
		}),
		gauge("keydesk_uses_pending", "Uses that are not written down yet, or callers of keys where they are added up already.", c.Uses.Len),
		gauge("keydesk_uses_unmerged", "Uses of keys that are written down but not yet added up by day.", c.DB.NewUses),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.handler = promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
	return m
}

func gauge(name, help string, value func() int) prometheus.GaugeFunc {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 { return float64(value()) })
}

func buildInfo(version string) prometheus.GaugeFunc {
	goVersion := ""
	if info, ok := debug.ReadBuildInfo(); ok {
		goVersion = info.GoVersion
	}
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "keydesk_build_info", Help: "Always 1; the labels say what runs.",
		ConstLabels: prometheus.Labels{"version": version, "goversion": goVersion},
	}, func() float64 { return 1 })
}

// Flushed counts a time that the uses of keys were written down, or could not be.
func (a *App) Flushed(took time.Duration, err error) {
	a.metrics.flushes.Observe(took.Seconds())
	if err != nil {
		a.metrics.failed.Inc()
	}
}

// verified counts a verify.
func (m *metrics) verified(result access.Verdict, took time.Duration) {
	m.verifies[result].Inc()
	m.took.Observe(took.Seconds())
}

// page counts the answer to a request of a page.
func (m *metrics) page(route string, status int) {
	m.pages.WithLabelValues(route, strconv.Itoa(status)).Inc()
}
