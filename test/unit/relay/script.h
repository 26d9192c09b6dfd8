/*
 * Conversations of relay with other servers as text (test/wire/relay/README.md):
 * a thread plays the servers at the far end of socket pairs, the names and
 * addresses are those that the text gives. No network.
 */
#ifndef TEST_RELAY_SCRIPT_H
#define TEST_RELAY_SCRIPT_H

#include "base/span.h"

/* Plays one; ends the program with the step it is at when something is not as
 * the text says. */
void
script_play(const char *name, struct span text);

#endif
