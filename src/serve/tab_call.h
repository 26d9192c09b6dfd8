/*
 * The caller's side of wires that speak lines with tabs (auth-user,
 * auth-ticket): write requests, read the lines that answer them. VERSION of
 * both ends is dealt with here.
 */
#ifndef SERVE_TAB_CALL_H
#define SERVE_TAB_CALL_H

#include "proto/tabline.h"
#include "serve/wire.h"

/* Writes whole lines; on a new wire VERSION goes first. */
int
tab_call_send(struct wire *wire, struct span lines, struct error *error);

/* The next line that is not VERSION, without its LF; borrowed until the next
 * call. ERROR_DAMAGED when the other end speaks another version. */
int
tab_call_read(struct wire *wire, struct span *line, struct error *error);

#endif
