/*
 * What master leaves to itself when it executes its program anew
 * (master/upgrade.c): structs of fixed size in a memory file, and descriptors
 * that keep their numbers. A master that does not know the version says so
 * before anything has changed. Rows grow at their end only: those of an older
 * master are shorter, and what they lack is zero.
 */
#ifndef BASE_HERITAGE_H
#define BASE_HERITAGE_H

#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/interfaces.h"
#include "base/listeners.h"

enum { HERITAGE_VERSION = 1, HERITAGE_COMMANDS = 16 };

struct heritage_listener {
	char service[SERVICES_NAME_SIZE];
	char address[INTERFACES_TEXT_SIZE];
	int32_t fd;
	uint32_t is_file;		/* a socket of runtime_directory */
};

struct heritage {
	uint32_t version, size;		/* HERITAGE_VERSION, of this struct */
	uint32_t message_size;		/* of proto/control.h */
	int32_t runtime_dir, lock, command_listener;
	int32_t generations, generations_read_only;
	int32_t commands[HERITAGE_COMMANDS];
	int32_t asker;			/* which of them asked for it */
	uint32_t listener_count, row_count, row_size;
};

/* Head and listeners into *bytes; the rows are added by the caller. */
void
heritage_write(struct heritage *heritage, const struct listeners *listeners,
	struct buffer *bytes);

/* Reads the head and finds the rows of its listeners. -1: it is of another
 * version, not whole, or has what this version has not. */
int
heritage_read(int fd, struct heritage *heritage,
	const struct services *services, struct listeners *listeners,
	struct error *error);
/* Then the rows, one at a time, into `size` bytes. */
int
heritage_read_row(int fd, const struct heritage *heritage, void *row,
	size_t size, struct error *error);

/* A descriptor that shall outlive the next exec, or not. */
void
heritage_pass_on(int fd, bool is_passed_on);
/* Those of the head and the listeners. */
void
heritage_pass_on_all(const struct heritage *heritage,
	const struct listeners *listeners, bool is_passed_on);

#endif
