# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2016 # the substitutions are perl's
#
# mutant NAME FILE PERL-SUBSTITUTION TEST ABOUT: see mutants.sh. The substitution sees the whole file.

# --- what "durable" means
mutant no-wait daemon/store/prove.c \
	's/check_by_sight\(settle, list, sighted, true\)/check_by_sight(settle, list, sighted, false)/' \
	'powercut 10 extentd-one' 'the check does not wait for the data'
mutant no-check daemon/store/prove.c \
	's/if \(sighted && !proved\)/if (0 \&\& sighted)/' \
	'powercut 30 extentd-eio' 'a file is settled by an fsync alone'
mutant no-check-fs daemon/store/prove.c \
	's/(static void prove_group.*?)if \(sighted\)/$1if (0)/s' \
	'powercut 30 extentd-mixture-eio' 'a commit is believed without a look'
mutant ack-before-fsync daemon/store/prove.c \
	's/: file_sync_twice\(.*?\);/: 0;/s' \
	'powercut 20 extentd-one' 'acknowledged before the fsync'
mutant ack-before-commit daemon/store/prove.c \
	's/int error = settle->lazy \? 0 : commit\(settle->fs->anchor\);/int error = 0;/' \
	'powercut 20 extentd-many' 'acknowledged before the commit'
mutant aborted-believed proto/base/sync.h \
	's/st\.f_flag & ST_RDONLY \? EROFS : error/error/' \
	'powercut 40 extentd-flush-eio' 'the sync of an aborted filesystem is believed'
mutant fsync-error-dropped daemon/store/prove.c \
	's/(int error = sync\(.*?\) < 0) \? errno : 0;/$1 ? 0 : 0;/' \
	'powercut 20 extentd-decode-eio' 'the error of an fsync is dropped'
mutant commit-error-dropped daemon/store/prove.c \
	's/error \|\| list\[i\]->file_errors != file->errors/false/' \
	'powercut 20 extentd-decode-eio' 'what the kernel told of a plain write is not asked for'
mutant rewrite-by-map daemon/store/prove.c \
	's/if \(e->fresh && \(/if (found[i] == MAP_ENCODED || (/' \
	'powercut 20 extentd-eio' 'a rewrite is believed by the map'
mutant digest-ignored daemon/store/readback.c \
	's/if \(encoded && is_as_sent\(e, r->buffers \+ PAYLOAD_AT\)\)/if (encoded)/' \
	'powercut 20 extentd-eio' 'what is read back is not compared'
mutant zeros-believed daemon/store/prove.c \
	's/e->fresh \? readback_nonzero\(&readback, e\) :/e->fresh ? 0 :/' \
	'proof' 'zeros shared by another tool are taken for the extent'
mutant sync-at-once daemon/session/barrier.c \
	's/if \(!b->n_parts\)/if (b->n_parts || !b->n_parts)/' \
	'powercut 20 extentd-levels' 'a SYNC is answered without one'
mutant ack-too-early daemon/session/request.c \
	's/if \(r->ack == WIRE_WRITTEN\)/if (r->ack != WIRE_ACCEPTED)/' \
	'powercut 10 extentd-one' '"durable" is answered when the kernel has it'
mutant lost-untold daemon/session/request.c \
	's/reply_frame\(r->session, WIRE_TYPE_LOST_.*?;//' \
	'session' 'LOST is not sent'
mutant lost-elsewhere daemon/session/request.c \
	's/reply_frame\(r->session, WIRE_TYPE_LOST_/reply_frame(TAILQ_FIRST(\&r->server->sessions), WIRE_TYPE_LOST_/' \
	'session' 'LOST goes to another client'
mutant sync-forgets-lost daemon/session/barrier.c \
	's/if \(!ack\.code && \*lost\)/if (0)/' \
	'proof' 'a SYNC that covers lost extents succeeds'
mutant nameless-durable daemon/store/prove.c \
	's/if \(fstat\(list\[0\]->file->fd, &st\) == 0 && st\.st_nlink\)/if (1)/' \
	'store' 'durable without a name'
mutant order-lost daemon/store/inode.c \
	's/(static unsigned int count_reserved.*?\n\{\n)/$1\tif (inode)\n\t\treturn 0;\n/s' \
	'backends' 'overlapping writes run beside each other'

# --- what is written
mutant zlib-sum proto/payload/zlib.c \
	's/be32toh\(sum\) != adler32_z\(1, walk->out, walk->decoded\)/0/' \
	'payload' 'the checksum of zlib is not looked at'
mutant zlib-short proto/payload/payload.c \
	's/(if \(.*\)\s*)return walk_bad\(&walk, PAYLOAD_FAULT_TOO_SHORT, len\)/$1return 0/' \
	'payloads' 'a payload that decodes to less is taken'
mutant zstd-skippable proto/payload/zstd.c \
	's/\(magic & SKIPPABLE_MASK\) == SKIPPABLE/0/' \
	'payload' 'a skippable frame is not named'
mutant lzo-segments proto/payload/lzo.c \
	's/if \(zeros < left\)/if (0)/' \
	'payload' 'LZO with bytes where the kernel wants zeros'
mutant unvalidated daemon/store/check.c \
	's/if \(e->compression != BTRFS_ENCODED_IO_COMPRESSION_NONE\)\n\t\tcheck_payload/if (0)\n\t\tcheck_payload/' \
	'payloads' 'nothing is validated'
mutant check-in-place daemon/store/check.c \
	's/return e->arena && !e->arena->write_sealed && .*?;/return false;/' \
	'arena' 'what is checked is not what is written'
mutant range-back-early daemon/store/check.c \
	's/ \|\| e->early\)/)/' \
	'trusted' 'a range goes back before it was read'
mutant read-too-much daemon/store/reader.c \
	's/return !a->unencoded_offset && .*?;/return true;/s' \
	'read-rights' 'READ gives what the file does not show'

# --- who may do what
mutant anybody daemon/session/session.c \
	's/!server->single && !config_may_connect/false \&\& !config_may_connect/' \
	'access' 'who may connect is not asked'
mutant as-daemon daemon/privilege/identity.c \
	's/if \(is_own\(id\)\)\n\t\treturn 0;/return 0;/' \
	'access' 'files are opened as the daemon'
mutant links-followed daemon/privilege/beneath.c \
	's/RESOLVE_BENEATH \| RESOLVE_NO_SYMLINKS \| RESOLVE_NO_MAGICLINKS/0/' \
	'identity' 'symbolic links are followed out of the root'
mutant append-later daemon/store/file.c \
	's/if \(!file_is_ours\(file\)\)/if (0)/' \
	'files' 'O_APPEND set behind OPEN'
mutant attributes-later daemon/store/file.c \
	's/if \(!r && file->inode->fs->btrfs\)/if (0)/' \
	'files' 'nodatacow, append-only or immutable behind OPEN'
mutant lease-waited daemon/store/file.c \
	's/O_NOCTTY \| O_NONBLOCK\)/O_NOCTTY)/' \
	'hostile-paths' 'the loop waits for a lease'
mutant setuid-taken daemon/store/file.c \
	's/mode & \(S_ISUID \| S_ISGID\)/0/' \
	'HOSTILE_ATTACKS=descriptors hostile' 'setuid files are written'
mutant other-filesystems daemon/store/file.c \
	's/if \(!\*types\)/if (0)/' \
	'HOSTILE_ATTACKS=descriptors hostile' 'any type of filesystem'
mutant no-reserve daemon/session/write.c \
	's/handle->file->inode->fs->low\)/0)/' \
	'session' 'one client fills the metadata'
mutant no-reserve-seen daemon/store/space.c \
	's/return room \+ unallocated \/ 2 < needed;/return false;/' \
	'reserve' 'that the metadata comes to its end is not seen'
mutant capability-kept daemon/privilege/capabilities.c \
	's/error = keep_only\(\);/error = 0;/' \
	'capabilities' 'privileges are not given up'
mutant second-ring daemon/privilege/sandbox.c \
	's/S\(io_uring_enter\),/S(io_uring_enter), S(io_uring_setup),/' \
	'sandbox' 'the sandbox lets one call more through'
mutant namespaces daemon/privilege/sandbox.c \
	's/thread \| elsewhere, thread/thread, thread/' \
	'sandbox' 'a thread of another namespace'
mutant free-ring daemon/store/ring.c \
	's/int r = ring_register\(ring, IORING_REGISTER_RESTRICTIONS, allowed, n\);/int r = n \&\& !allowed;/' \
	'ring' 'the ring does anything'

# --- limits
mutant credit daemon/session/dispatch.c \
	's/\+\+s->credit_requests > s->server->config->limits\.credit_requests/++s->credit_requests > UINT32_MAX/' \
	'session' 'requests beyond the credit'
mutant credit-bytes daemon/session/write.c \
	's/s->credit_bytes \+ f->payload_len > s->server->config->limits\.credit_bytes/0/' \
	'session' 'payload beyond the credit'
mutant session-limit daemon/session/session.c \
	's/\+\+s->user->sessions > c->limits\.user_sessions/++s->user->sessions > UINT32_MAX/' \
	'HOSTILE_ATTACKS=crowd hostile' 'sessions of one user without a limit'
mutant descriptors-unclaimed daemon/session/input.c \
	's/if \(s->n_fds && !s->input_have\)/if (0)/' \
	'session' 'descriptors that no frame claims stay'
mutant unfair-pool daemon/store/workers.c \
	's/if \(!STAILQ_EMPTY\(&line->jobs\)\)\n\t\tSTAILQ_INSERT_TAIL/if (!STAILQ_EMPTY(\&line->jobs))\n\t\tSTAILQ_INSERT_HEAD/' \
	'workers' 'who has the most to check is served first'
mutant unfair daemon/store/user.c \
	's/taken \+ his \+ more <= all/taken + more <= all/' \
	'shares' 'one user takes all of what is shared'
mutant unfair-sessions daemon/session/session.c \
	's/now_sessions,\s*s->user->sessions - 1, 0\)/now_sessions, 0, 0)/' \
	'shares' 'one user takes all sessions'
mutant unfair-requests daemon/session/room.c \
	's/return user_share_left\((server->.*?), s->user->requests,/return user_share_left($1, 0,/s' \
	'shares' 'one user takes all requests'
mutant unfair-syncs daemon/session/room.c \
	's/server->n_requests \+ server->n_syncs/server->n_requests/' \
	'shares' 'SYNCs of others are not counted'
mutant unfair-files daemon/session/room.c \
	's/now_files,\s*s->user->files, 1\)/now_files, 0, 1)/' \
	'shares' 'one user takes all files'
mutant unfair-closings daemon/session/input.c \
	's/return s->user->closing_fds && .*?;/return false;/' \
	'shares' 'what cannot be closed takes all files'
mutant unfair-memory daemon/store/store.c \
	's/user_share_left\(store->held_limit, taken, his, more\)/user_share_left(store->held_limit, taken, 0, more)/' \
	'shares' 'one user takes all memory'
mutant unfair-lanes daemon/store/writer.c \
	's/user_share_left\(all, store->lanes, user->lanes, 1\)/user_share_left(all, store->lanes, 0, 1)/' \
	'shares' 'one user takes all threads'
mutant unread-replies daemon/session/reply.c \
	's/\(left && s->user->output_bytes > c->limits\.user_output_bytes\)/0/' \
	'session' 'replies of one user without a limit'
mutant unread-counted daemon/session/session.c \
	's/s->user->output_bytes -= evbuffer_get_length\(s->output\);//' \
	'session' 'what a session left unread stays counted'
mutant silent-peers daemon/session/session.c \
	's/if \(!server->single\)\n\t\tinput_deadline/if (0)\n\t\tinput_deadline/' \
	'clients' 'a peer that says nothing stays for ever'
mutant unfair-turns daemon/store/turn.c \
	's/t->taken < TURN_EXTENTS/true/' \
	'turn' 'what one user has written makes others wait'
mutant held-turns daemon/store/turn.c \
	's/e->held \? TURN_HELD : 1/1/' \
	'turn' 'overlapping writes make others wait'
mutant probe-waits daemon/listening.c \
	's/SOCK_NONBLOCK, 0\);(\n\n\treturn fd < 0)/0, 0);$1/' \
	'life' 'a second daemon waits for a first one that is stopped'
mutant hangup-unread daemon/session/input.c \
	's/if \(s->stirred && hung_up\(s\)\)/if (0)/' \
	'session' 'who hangs up while not read from stays'
mutant unfair-loop daemon/session/schedule.c \
	's/if \(user->loop_ns < next->loop_ns\)/if (0)/' \
	'schedule' 'who came first has the loop, however much he has had'
mutant endless-turn daemon/session/schedule.c \
	's/ && loop_now_ns\(\) - begin < TURN_NS//' \
	'schedule' 'a turn of the loop lasts as long as its user likes'
mutant saved-turns daemon/session/schedule.c \
	's/user->loop_ns < server->loop_ns/0/' \
	'schedule' 'who was idle has the loop for as long'
mutant unfair-accepting daemon/session/server.c \
	's/if \(server->accept_ns <= 0 && /if (0 \&\& /' \
	'schedule' 'who connects and connects has the loop'
mutant between-never daemon/store/settle.c \
	's/fs->between = fs->writers > 1/fs->between = false/' \
	'schedule' 'commits of who writes many follow each other without a break'
mutant youngest-first daemon/session/server.c \
	's/TAILQ_FIRST\(&server->sessions\); server->n_waiting && s; s = TAILQ_NEXT\(s, entry\)/TAILQ_LAST(\&server->sessions, session_list); server->n_waiting \&\& s; s = TAILQ_PREV(s, session_list, entry)/' \
	'session' 'memory goes to sessions whose client speaks to others first'
mutant commits-only daemon/store/commit.c \
	's/if \(fs->between\)/if (0)/' \
	'schedule' 'who writes one file waits for commits of who writes many'
mutant arena-beyond daemon/store/arena.c \
	's/return offset <= arena->size && len <= arena->size - offset;/return true;/' \
	'session' 'payloads beyond the end of their arena'

# --- the restore core
mutant small-unproved client/restore/search.c \
	's/s->covered < e->offset \+ e->len && !e->file->removed/0/' \
	'restore-small' 'what the receiver writes itself is believed'
mutant small-unproved-cut client/restore/settle.c \
	's/err = small_prove_all\(r, &r->settling_small\);/err = 0;/' \
	'powercut 10 small-eio' 'the same, under errors of the disk'
mutant restore-sync client/restore/settle.c \
	's/err = r->sync_error \? r->sync_error : fs;/err = 0;/' \
	'restore' 'exit status 0 when something was lost'
mutant named-early client/receive/subvolume.c \
	's/return util\(btrfs_util_set_subvolume_read_only_fd\(fd, true\)\);/return 0;/' \
	'receive-resume' 'a snapshot is named before it is sealed'
