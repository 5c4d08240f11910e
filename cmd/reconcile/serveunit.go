package main

import (
	"context"
	"log/slog"
	"time"

	systemd "github.com/coreos/go-systemd/v22/daemon"
)

// What systemd is told. Where nobody started the daemon as a unit of type notify,
// it is told to nobody.

const (
	unitReady    = systemd.SdNotifyReady
	unitStopping = systemd.SdNotifyStopping
)

func tellUnit(log *slog.Logger, state string) {
	if _, err := systemd.SdNotify(false, state); err != nil {
		log.Warn("systemd could not be told", "state", state, "error", err)
	}
}

// notifyReloading tells that the configuration is being read again, until done.
func notifyReloading(log *slog.Logger) (done func()) {
	tellUnit(log, systemd.SdNotifyReloading+"\n"+systemd.SdNotifyMonotonicUsec())
	return func() { tellUnit(log, systemd.SdNotifyReady) }
}

// watchdog tells systemd that the daemon lives, as often as it wants to be told,
// for as long as alive says so.
func watchdog(ctx context.Context, log *slog.Logger, alive func(context.Context) error) {
	every, err := systemd.SdWatchdogEnabled(false)
	if err != nil || every == 0 {
		return
	}
	ticks := time.NewTicker(every / 3)
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
		asked, cancel := context.WithTimeout(ctx, every/3)
		if err := alive(asked); err != nil {
			log.Error("the daemon does not do its work, so systemd is not told that it lives", "error", err)
		} else {
			tellUnit(log, systemd.SdNotifyWatchdog)
		}
		cancel()
	}
}
