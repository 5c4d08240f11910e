package repo

import (
	"bytes"
	"context"
	"errors"
	"io"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/storage/memory"
)

// remoteNotes are the notes of a repository on a server: fetched like any other
// commit, and pushed on the condition that nobody else has moved the ref.
type remoteNotes struct{ history *remoteHistory }

func (r *remoteNotes) close() { r.history.close() }

func (r *remoteNotes) tip(ctx context.Context) (plumbing.Hash, objectReader, error) {
	h, err := r.history.resolve(ctx, NotesRef)
	if errors.Is(err, ErrUnknownRef) {
		return plumbing.ZeroHash, nil, nil
	}
	if err != nil {
		return h, nil, err
	}
	return h, r.history.reader(ctx, h), nil
}

// move pushes. The server itself compares where the ref stands: it may have
// moved between any two looks of ours.
func (r *remoteNotes) move(ctx context.Context, from, to plumbing.Hash, objects []newObject) error {
	pack, err := packOf(objects)
	if err != nil {
		return err
	}
	moved := false
	err = r.history.exclusively(ctx, "push "+NotesRef, func(ctx context.Context) error {
		moved, err = r.push(ctx, from, to, pack)
		return err
	})
	if moved {
		return errMoved
	}
	return err
}

// push asks the server to move the ref. moved tells that it stands elsewhere.
func (r *remoteNotes) push(ctx context.Context, from, to plumbing.Hash, pack []byte) (moved bool, err error) {
	t, err := r.history.dial(ctx, receivePack, []string{NotesRef}, plumbing.ZeroHash)
	if err != nil {
		return false, err
	}
	defer t.close()
	if t.refs[NotesRef] != from {
		return true, nil
	}
	request, err := t.pushRequest(packp.Command{Name: NotesRef, Old: from, New: to}, pack)
	if err != nil {
		return false, err
	}
	body, err := t.ask(ctx, request)
	if err != nil {
		return false, err
	}
	refusal, err := readReport(body)
	if err != nil || refusal == "" {
		return false, err
	}
	return r.refused(ctx, from, refusal)
}

// refused tells a lost race from a refusal, which no further try would change.
func (r *remoteNotes) refused(ctx context.Context, from plumbing.Hash, refusal string) (moved bool, err error) {
	t, err := r.history.dial(ctx, receivePack, []string{NotesRef}, plumbing.ZeroHash)
	if err != nil {
		return false, err
	}
	defer t.close()
	if t.refs[NotesRef] != from {
		return true, nil
	}
	return false, faultf(ErrDenied, "check that the credentials may write to "+NotesRef, "the server refuses the push: %s", printable(refusal))
}

// pushRequest encodes one move of a ref with the pack that it needs.
func (ad *advert) pushRequest(c packp.Command, pack []byte) ([]byte, error) {
	if !ad.allowed[capability.ReportStatus] {
		return nil, faultf(ErrUnavailable, "", "the server does not say what comes of a push")
	}
	request := packp.NewReferenceUpdateRequest()
	request.Commands = []*packp.Command{&c}
	request.Packfile = io.NopCloser(bytes.NewReader(pack))
	if err := request.Capabilities.Set(capability.ReportStatus); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err := request.Encode(&out)
	return out.Bytes(), err
}

// maxReport bounds what a server says about a push, in bytes.
const maxReport = 64 << 10

// readReport reads what came of a push: "" if it was taken, else the server's reason.
func readReport(r io.Reader) (refusal string, err error) {
	defer guard("read the server's report", &err)
	report := packp.NewReportStatus()
	said := &boundedReader{from: r, left: maxReport, what: "more than a report"}
	if err := report.Decode(said); err != nil {
		return "", saidByServer(err)
	}
	if err := report.Error(); err != nil {
		return err.Error(), nil
	}
	if len(report.CommandStatuses) == 0 {
		return "it says nothing of the ref", nil
	}
	return "", nil
}

// packOf packs objects, whole.
func packOf(objects []newObject) ([]byte, error) {
	storage := memory.NewStorage()
	hashes := make([]plumbing.Hash, len(objects))
	for i, o := range objects {
		object := &plumbing.MemoryObject{}
		object.SetType(o.kind)
		if _, err := object.Write(o.body); err != nil {
			return nil, err
		}
		var err error
		if hashes[i], err = storage.SetEncodedObject(object); err != nil {
			return nil, err
		}
	}
	var out bytes.Buffer
	_, err := packfile.NewEncoder(&out, storage, false).Encode(hashes, 0)
	return out.Bytes(), err
}
