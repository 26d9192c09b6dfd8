/*
 * What a program finds in its environment: what local(8) of Postfix gives, and
 * nothing that this process has. Values that strangers chose are filtered.
 */
#ifndef PIPE_ENVIRONMENT_H
#define PIPE_ENVIRONMENT_H

#include "pipe/pipe.h"

/* "NAME=value" strings in the arena, a NULL behind them. */
char **
environment_make(const struct pipe_delivery *delivery, struct arena *arena);

#endif
