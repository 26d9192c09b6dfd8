/*
 * The listening sockets that a configuration and etc/services want together.
 * master opens them; each belongs to the program of its row.
 */
#ifndef BASE_LISTENERS_H
#define BASE_LISTENERS_H

#include "base/interfaces.h"
#include "base/services.h"

enum { LISTENERS_LIMIT = 256 };

struct listener_socket {
	const struct service_row *row;
	int fd;
	bool is_wanted;			/* while a reload compares */
	bool is_new;			/* the same */
	bool is_replaced;		/* another has its port, too */
	char address[INTERFACES_TEXT_SIZE];	/* "127.0.0.1:25", or a file */
};

/* Begins as zeros but for the directory. */
struct listeners {
	struct listener_socket listener[LISTENERS_LIMIT];
	size_t count;
	int directory;			/* runtime_directory */
};

/*
 * Opens what the configuration wants and is not open yet (is_new); then either
 * closes what it no longer wants, or undoes it. One at an address that another
 * of its row now includes (127.0.0.1, 0.0.0.0) stays. One that is closed in
 * favour of another is waited for, at most LISTENERS_PATIENCE ms, until its
 * program has taken the connections that wait there.
 */
enum { LISTENERS_PATIENCE = 1000 };
int
listeners_open(struct listeners *all, const struct services *services,
	const struct config *config, struct error *error);
void
listeners_close_unwanted(struct listeners *all);
void
listeners_undo(struct listeners *all);
void
listeners_close_all(struct listeners *all);

#endif
