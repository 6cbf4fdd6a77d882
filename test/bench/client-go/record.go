package main

import (
	"encoding/json"
	"os"
	"sync"
	"time"
)

// record is what is remembered of a run: told only when asked for, but for the first reconcile.
type record struct {
	mutex sync.Mutex
	// newer is signalled when given grows.
	newer *sync.Cond
	// given is the greatest version that the first handler was given, givenAt when it came to that.
	given   uint64
	givenAt uint64

	added, updated, deleted uint64
	reconciled              [][2]uint64
	handled                 [][2]uint64
	firstReconcile          sync.Once
}

func newRecord() *record {
	record := &record{reconciled: [][2]uint64{}, handled: [][2]uint64{}}
	record.newer = sync.NewCond(&record.mutex)
	return record
}

// changed counts a call of the first handler. Version 0 is one that is in the store no more.
func (record *record) changed(kind *uint64, version uint64) {
	record.mutex.Lock()
	defer record.mutex.Unlock()
	*kind++
	if version > record.given {
		record.given, record.givenAt = version, now()
		record.newer.Broadcast()
	}
}

// until answers once an object of version or a later one was given to the first handler.
func (record *record) until(version uint64) map[string]any {
	record.mutex.Lock()
	defer record.mutex.Unlock()
	for record.given < version {
		record.newer.Wait()
	}
	return map[string]any{"until": version, "at": record.givenAt}
}

// reconciledOne is called when the reconciler is entered.
func (record *record) reconciledOne() {
	record.firstReconcile.Do(func() { say(map[string]any{"reconciled": now()}) })
}

// reconciledProbe is called when it is entered with a probe.
func (record *record) reconciledProbe(version uint64) {
	record.reconciledOne()
	at := now()
	record.mutex.Lock()
	defer record.mutex.Unlock()
	record.reconciled = append(record.reconciled, [2]uint64{version, at})
}

// handledProbe is called when the last of the fast handlers beside the first is given a probe.
func (record *record) handledProbe(version uint64) {
	at := now()
	record.mutex.Lock()
	defer record.mutex.Unlock()
	record.handled = append(record.handled, [2]uint64{version, at})
}

func (record *record) changes() map[string]any {
	record.mutex.Lock()
	defer record.mutex.Unlock()
	return map[string]any{"added": record.added, "updated": record.updated, "deleted": record.deleted}
}

func (record *record) probes() map[string]any {
	record.mutex.Lock()
	defer record.mutex.Unlock()
	return map[string]any{"reconciled": record.reconciled, "handled": record.handled}
}

// now is in nanoseconds since 1970.
func now() uint64 { return uint64(time.Now().UnixNano()) }

var out sync.Mutex

// say prints one line. Standard output is not buffered.
func say(answer map[string]any) {
	line, err := json.Marshal(answer)
	if err != nil {
		panic(err) // Numbers and strings can always be written.
	}
	out.Lock()
	defer out.Unlock()
	_, _ = os.Stdout.Write(append(line, '\n'))
}
