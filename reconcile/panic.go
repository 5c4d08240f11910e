package reconcile

import (
	"errors"
	"fmt"
	"path"
	"runtime"
	"strings"
	"sync"
)

// errPanic is in the chain of what a provider's panic became. It is not tried
// again in the same run: the next try would most likely end alike.
var errPanic = errors.New("a mistake in reconcile")

// survive makes a panic of the provider the error of this one call, so that a
// mistake about one kind ends a step or a listing, and not a daemon. What the
// call has done by then nobody knows.
func (a adapter[S]) survive(err *error) {
	if reason := recover(); reason != nil {
		*err = &Error{Class: Ambiguous, Message: fmt.Sprintf("the call broke off, which is a mistake in reconcile: %v (%s)", reason, panicked()), Err: errPanic}
	}
}

// panicked is the line at which a panic began, asked for while it is recovered from.
func panicked() string {
	callers := make([]uintptr, 64)
	frames := runtime.CallersFrames(callers[:runtime.Callers(1, callers)])
	for begun := false; ; {
		frame, more := frames.Next()
		if begun && !strings.HasPrefix(frame.Function, "runtime.") {
			return fmt.Sprintf("%s:%d", path.Base(frame.File), frame.Line)
		}
		begun = begun || frame.Function == "runtime.gopanic"
		if !more {
			return "at an unknown line"
		}
	}
}

// parallel calls f for 0 to n-1, at most limit at once, and waits for all. If
// one panics, so does it, where whoever looks at the stack can recover.
func parallel(n, limit int, f func(i int)) {
	slots := make(chan struct{}, limit)
	var all sync.WaitGroup
	var once sync.Once
	var reason any
	for i := range n {
		slots <- struct{}{}
		all.Go(func() {
			defer func() {
				if r := recover(); r != nil {
					once.Do(func() { reason = fmt.Sprintf("%v (%s)", r, panicked()) })
				}
				<-slots
			}()
			f(i)
		})
	}
	all.Wait()
	if reason != nil {
		panic(reason)
	}
}
