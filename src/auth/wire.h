/*
 * A wire on which lines with tabs are answered (ARCHITECTURE.md 2.1 to 2.3 and
 * 2.5): the session, the greeting, and the tables of what may be asked.
 */
#ifndef AUTH_WIRE_H
#define AUTH_WIRE_H

#include "base/buffer.h"
#include "proto/tabline.h"
#include "serve/listener.h"
#include "serve/stream.h"
#include "serve/turnstile.h"

struct wire_service;

/* One end of a wire. The commands see it; the session is wire.c's. */
struct auth_wire {
	struct session session;
	struct stream stream;
	const struct wire_service *service;
	char caller[32];		/* program of the other end */
	unsigned instance;		/* which of its processes */
	unsigned process;		/* its pid: ids are unique there */
	struct turnstile *turnstile;	/* each line needs a place; or NULL */
	struct turn turn;
	const struct error *trouble;	/* everything is answered with it */
	struct buffer table;		/* of aliases, while it comes in parts */
};

/* A request taken apart: field[0] is the command, field[1] the id. */
struct wire_request {
	struct auth_wire *wire;
	struct tabline fields;
	struct arena *arena;		/* of this request */
	struct buffer *out;		/* answers */
};

struct wire_command {
	const char *name;
	size_t least_fields;
	const char *caller;		/* only this program may; NULL: all */
	void (*run)(struct wire_request *request);
};

struct wire_service {
	const char *name;		/* as in etc/services */
	const struct wire_command *commands;	/* ends with a NULL name */
	void (*greet)(struct buffer *out);	/* after VERSION; or NULL */
};

extern const struct wire_service wire_sasl, wire_user, wire_ticket, wire_admin,
	wire_domains;

/* For the table of services in main. */
void
wire_accept_sasl(struct lot *lot, struct incoming *incoming);
void
wire_accept_user(struct lot *lot, struct incoming *incoming);
void
wire_accept_ticket(struct lot *lot, struct incoming *incoming);
void
wire_accept_admin(struct lot *lot, struct incoming *incoming);
void
wire_accept_domains(struct lot *lot, struct incoming *incoming);

/* Serves one wire on the calling thread until the other end closes it. With
 * trouble (may be NULL) every request fails for that reason. */
void
wire_serve(const struct wire_service *service, const char *caller,
	const struct error *trouble, int *fd);

/*
 * One line without its LF; answers are appended to *out. False when the other
 * end does not speak this protocol: the wire is then closed.
 */
bool
wire_handle_line(struct auth_wire *wire, struct span line,
	struct buffer *out);

/* ---- commands of auth-admin that stand in a file of their own ---- */

void
wire_aliases_begin(struct wire_request *request);
void
wire_aliases_part(struct wire_request *request);
void
wire_aliases_end(struct wire_request *request);

/* ---- for the commands ---- */

/* Begins an answer: "OK", tab, the request's id. */
void
wire_answer(struct wire_request *request, const char *word);
void
wire_add(struct wire_request *request, const char *key, struct span value);
void
wire_add_number(struct wire_request *request, const char *key,
	uint64_t number);
/* An account's id: 16 hexadecimal digits. */
void
wire_add_id(struct wire_request *request, const char *key, uint64_t id);
void
wire_end(struct wire_request *request);

/* FAIL with the sentence of an error. */
void
wire_fail(struct wire_request *request, const struct error *error);

/* A field of the request, empty when it is not there. */
struct span
wire_get(const struct wire_request *request, const char *key);
bool
wire_has(const struct wire_request *request, const char *key);

#endif
