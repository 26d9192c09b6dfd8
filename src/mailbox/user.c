/*
 * The mail and the jail of a system user's process; see user.h. Everything in
 * his home is looked at as he, so that nothing of it can lead where he may not
 * go himself. Only root's INBOX is opened while this is still root: who serves
 * it (posthouse-root) may not open it.
 */
#include "mailbox/user.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "mailbox/spool_lock.h"
#include "proto/mail_location.h"
#include "serve/jail.h"
#include "store/format.h"

enum { PLACES = 4 };

/* His mail, as it is being found. */
struct place {
	const struct process *process;
	const char *own;
	enum mail_location_kind kind;
	bool is_in_home;		/* the folders are */
	bool is_in_spool;		/* INBOX is; spoollock has its lock */
	const char *root, *inbox, *engine, *inbox_directory;
	int inbox_fd;			/* -1: the user opens it */
	struct arena *arena;
};

static struct arena paths;		/* live as long as the process */

static const char *
below(const struct place *place, const char *name)
{
	return arena_print(place->arena, "%s/%s", place->own, name).data;
}

/* ---- where it is said to be ---- */

static bool
begins_at_home(struct span pattern)
{
	return span_starts(pattern, SPAN("~")) ||
		span_starts(pattern, SPAN("%h"));
}

static int
expand(struct place *place, struct span pattern, const char **path,
	struct error *error)
{
	const struct mail_location_user user = {
		.name = span_from(place->process->owner),
		.home = span_from(place->process->home) };
	*path = NULL;
	return pattern.size == 0 ? 0 : mail_location_expand(pattern, &user,
		place->arena, path, error);
}

static bool
is_his(const struct place *place, const char *path, int flags)
{
	struct stat status;
	return fstatat(AT_FDCWD, path, &status, flags) == 0 &&
		S_ISDIR(status.st_mode) &&
		status.st_uid == place->process->uid;
}

static void
find_inbox_directory(struct place *place)
{
	if (place->inbox == NULL)
		return;
	const char *slash = strrchr(place->inbox, '/');
	assert(slash != NULL);
	place->inbox_directory = place->kind == MAIL_LOCATION_MAILDIR ?
		place->inbox : slash == place->inbox ? "/" :
		arena_copy_string(place->arena, span_of(place->inbox,
		(size_t)(slash - place->inbox)));
}

/* Is it the directory where spoollock locks, and the file that it locks? */
static bool
is_in_spool(const struct place *place)
{
	struct stat directory, spool;
	return stat(place->inbox_directory, &directory) == 0 &&
		stat(config_text(place->process->config,
		"mail_spool_directory"), &spool) == 0 &&
		directory.st_dev == spool.st_dev &&
		directory.st_ino == spool.st_ino &&
		strcmp(strrchr(place->inbox, '/') + 1,
		place->process->owner) == 0;
}

/*
 * An mbox is not touched without its dotlock, and in a directory that is not
 * the user's this process can make none: spoollock does in /var/mail. Elsewhere
 * what comes is kept in the log, as native mail.
 */
static bool
can_lock(struct place *place)
{
	place->is_in_spool = place->inbox_directory != NULL &&
		is_in_spool(place);
	return place->inbox_directory == NULL || place->is_in_spool ||
		is_his(place, place->inbox_directory, 0);
}

static int
read_location(struct place *place, struct error *error)
{
	struct mail_location location;
	struct span text = span_from(config_text(place->process->config,
		"mail_location"));
	if (mail_location_parse(text, &location, error) < 0)
		return -1;
	place->kind = location.kind;
	place->is_in_home = begins_at_home(location.directory);
	if (expand(place, location.directory, &place->root, error) < 0 ||
	    expand(place, location.inbox, &place->inbox, error) < 0)
		return -1;
	/* root's home is not for who serves root's mail: a file can be handed
	 * over, a maildir or a folder cannot */
	find_inbox_directory(place);
	if ((place->process->instance == 0 && (place->inbox == NULL ||
	    place->kind == MAIL_LOCATION_MAILDIR)) ||
	    (place->kind == MAIL_LOCATION_MBOX && !can_lock(place))) {
		place->kind = MAIL_LOCATION_NATIVE;
		place->root = place->inbox_directory = NULL;
	}
	return 0;
}

/* ---- root's ---- */

static int
check_inbox(const struct place *place, struct error *error)
{
	struct stat status;
	if (fstat(place->inbox_fd, &status) < 0)
		return error_set_errno(error, "looking at %s", place->inbox);
	if (!S_ISREG(status.st_mode) || status.st_nlink != 1 ||
	    status.st_uid != 0)
		return error_set(error, ERROR_REFUSED, "%s is not a file of "
			"root's with one name", place->inbox);
	return 0;
}

static int
open_inbox_of_root(struct place *place, struct error *error)
{
	if (place->process->instance != 0 || !place->process->is_root ||
	    place->kind != MAIL_LOCATION_MBOX)
		return 0;
	place->inbox_fd = open(place->inbox, O_RDWR | O_CREAT | O_NOFOLLOW |
		O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);
	if (place->inbox_fd < 0)
		return error_set_errno(error, "opening %s", place->inbox);
	return check_inbox(place, error);
}

/* ---- as the user ---- */

/* Is there a directory for folders, and may it be believed? It is made if it is
 * missing and its parent is there. */
static bool
has_folders(const struct place *place)
{
	if (place->root == NULL || (place->is_in_home &&
	    !is_his(place, place->process->home, 0)))
		return false;
	if (mkdir(place->root, 0700) < 0 && errno != EEXIST)
		return false;
	return is_his(place, place->root, AT_SYMLINK_NOFOLLOW);
}

static int
make_own(struct place *place, const char *name, const char **path,
	struct error *error)
{
	*path = below(place, name);
	if (mkdir(*path, 0700) < 0 && errno != EEXIST)
		return error_set_errno(error, "making %s", *path);
	return 0;
}

/* Each kind has a log of its own: were the mail in the files taken for all there
 * is, what came while it was native would be gone. */
static int
choose_engine(struct place *place, struct error *error)
{
	static const char *const names[] = {
		[MAIL_LOCATION_NATIVE] = "native",
		[MAIL_LOCATION_MBOX] = "mbox",
		[MAIL_LOCATION_MAILDIR] = "maildir",
	};
	if (place->kind == MAIL_LOCATION_NATIVE && place->root != NULL) {
		if (!has_folders(place))
			return error_set(error, ERROR_LATER, "mail_location: "
				"%s is not a directory of %s", place->root,
				place->process->owner);
		place->engine = place->root;
		return 0;
	}
	return make_own(place, names[place->kind], &place->engine, error);
}

static void
find_folders(struct place *place)
{
	if (place->kind == MAIL_LOCATION_NATIVE || has_folders(place))
		return;
	if (place->process->instance != 0)
		log_event(LOG_WARN, "no-folders", NULL,
			LOG_TEXT("user", place->process->owner),
			LOG_TEXT("directory", place->root),
			LOG_TEXT("reason", "it is missing or not the user's"));
	/* nothing is there, and nothing can be made there */
	place->root = below(place, "none/none");
}

/* In /var/mail only the files that are there. In a directory of the user's the
 * dotlock is made here. */
static int
enter(struct process *process, const struct place *place, struct error *error)
{
	struct jail_place places[PLACES] = { { place->own, true } };
	size_t count = 1;
	if (place->root != NULL)
		places[count++] = (struct jail_place){ place->root, true };
	if (place->inbox_directory != NULL)
		places[count++] = (struct jail_place){ place->inbox_directory,
			is_his(place, place->inbox_directory, 0) };
	const struct jail jail = { .root = place->own, .places = places,
		.rights = JAIL_FILES_READ | JAIL_FILES_WRITE | JAIL_SPILL |
		JAIL_THREADS };
	return jail_enter(process, &jail, error);
}

/* The next process enters a jail around what is there then. */
static void
begin_again(void *lot)
{
	log_event(LOG_INFO, "mail-replaced", NULL,
		LOG_TEXT("reason", "a directory of mail is another one now"));
	lot_stop(lot);
}

static struct format *
make_format(const struct place *place, const char *state, struct lot *lot)
{
	const struct format_location location = { .root = place->root,
		.inbox = place->inbox, .inbox_fd = place->inbox_fd,
		.state = state,
		.lock = place->is_in_spool ? spool_lock_take : NULL,
		.unlock = place->is_in_spool ? spool_lock_give : NULL,
		.lost = begin_again, .context = lot };
	switch (place->kind) {
	case MAIL_LOCATION_MBOX:
		return format_mbox_new(&location);
	case MAIL_LOCATION_MAILDIR:
		return format_maildir_new(&location);
	case MAIL_LOCATION_NATIVE:
		break;
	}
	return NULL;
}

int
user_enter_jail(struct process *process, const char *own,
	struct user_mail *mail, struct error *error)
{
	struct place place = { .process = process, .own = own, .inbox_fd = -1,
		.arena = &paths };
	const char *state;
	arena_init(&paths, 0);
	/* Dates in the files are of this place; with the variable set libc looks
	 * for its file once, not for each date. */
	setenv("TZ", ":/etc/localtime", 0);
	tzset();
	if (read_location(&place, error) < 0 ||
	    open_inbox_of_root(&place, error) < 0 ||
	    jail_leave_root(process, error) < 0 ||
	    choose_engine(&place, error) < 0 ||
	    make_own(&place, "state", &state, error) < 0)
		return -1;
	find_folders(&place);
	if (enter(process, &place, error) < 0)
		return -1;
	mail->engine = place.engine;
	mail->format = make_format(&place, state, mail->lot);
	mail->inbox = place.inbox_fd;
	return 0;
}

void
user_leave(struct user_mail *mail)
{
	if (mail->format != NULL)
		mail->format->call->free(&mail->format);
	arena_fini(&paths);
}
