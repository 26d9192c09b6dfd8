/*
 * Telling the service manager how it stands (sd_notify(3)): one datagram to the
 * socket that NOTIFY_SOCKET names, and nothing when there is none.
 */
#ifndef BASE_NOTIFY_H
#define BASE_NOTIFY_H

/* "READY=1", "STOPPING=1". Never waits, never fails: who listens is not ours. */
void
notify_manager(const char *state);

#endif
