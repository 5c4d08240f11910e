package web

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// TLS are the files of a certificate and its key, in PEM. They are read again
// once they change, so a renewal takes no restart.
type TLS struct {
	Cert string
	Key  string
}

// config is nil for plain HTTP.
func (t TLS) config(log *slog.Logger) (*tls.Config, error) {
	if t == (TLS{}) {
		return nil, nil
	}
	keeper := &keeper{files: t, log: log}
	if _, err := keeper.certificate(nil); err != nil {
		return nil, err
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: keeper.certificate, NextProtos: []string{"h2", "http/1.1"}}, nil
}

// keeper holds a certificate for as long as its files stay as they are.
type keeper struct {
	files TLS
	log   *slog.Logger
	mu    sync.Mutex
	read  [2]stamp
	pair  *tls.Certificate
}

// stamp tells one writing of a file from the next.
type stamp struct {
	at   time.Time
	size int64
}

func stampOf(file string) stamp {
	info, err := os.Stat(file)
	if err != nil {
		return stamp{}
	}
	return stamp{info.ModTime(), info.Size()}
}

// certificate gives the newest certificate that could be read. Files that are
// wrong or half written leave the one before in use.
func (k *keeper) certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	found := [2]stamp{stampOf(k.files.Cert), stampOf(k.files.Key)}
	if k.pair != nil && found == k.read {
		return k.pair, nil
	}
	pair, err := tls.LoadX509KeyPair(k.files.Cert, k.files.Key)
	switch {
	case err == nil:
		k.pair = &pair
	case k.pair == nil:
		return nil, fmt.Errorf("certificate %s with key %s: %w", k.files.Cert, k.files.Key, err)
	default:
		k.log.Warn("the certificate was changed to one that cannot be used; the one before stays in use", "cert", k.files.Cert, "error", err)
	}
	k.read = found
	return k.pair, nil
}
