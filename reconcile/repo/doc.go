// Package repo reads desired state from Git.
//
// A [Source] is where one stack's files come from: a folder on disk, read as
// it is, or a folder of a commit, read from the commit's tree objects and
// never through a work tree. Both are an fs.FS that holds regular files and
// folders; symbolic links, submodules and hostile names are refused, with a
// [RefusedEntry] that names them.
//
// What is read is what Git names: every object is hashed again when it is
// read, and a file of a folder is held against what was surveyed. Nothing of a
// repository is executed, its content names no host or path for us, and no git
// program is run. Of a local clone's configuration only its origin is used, to
// ask for commits that the clone lacks.
//
// Remote repositories are kept as bare stores on disk and brought up to date
// over Git's protocol (https, ssh) within limits of bytes, objects and time.
// Credentials come from the environment, files or the ssh agent; no error and
// no URL carries them.
package repo
