/*
 * `auth --offline CONFIG-FD WIRE-FD`: serves one operator's wire while the
 * system is not running, for `posthouse user add` before the first start.
 */
#ifndef AUTH_OFFLINE_H
#define AUTH_OFFLINE_H

/* The exit status. */
int
offline_main(int argc, char **argv);

#endif
