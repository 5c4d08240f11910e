package reconcile

// losses are what deletions do besides, by kind.
func (e *Engine) losses() map[string]string {
	out := map[string]string{}
	for i := range e.Kinds {
		if k := &e.Kinds[i]; k.OnDelete != "" {
			out[k.Name] = k.OnDelete
		}
	}
	return out
}

// tellLosses notes what is lost where something is deleted, by itself or for a
// new one, and holds what the API would refuse to delete.
func (d *differ) tellLosses() {
	for i := range d.Changes {
		c := &d.Changes[i]
		if c.Live == nil || c.Action != Delete && c.Action != Replace {
			continue
		}
		if note := d.world.Losses[c.Kind]; note != "" {
			c.Notes = append(c.Notes, note)
		}
		if c.Live.Kept != "" {
			c.hold(Hold{Guard: "kept", Reason: c.Live.Kept})
		}
	}
}
