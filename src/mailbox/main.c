/*
 * mailbox: the process that owns accounts (those whose id modulo
 * mailbox_processes is its instance) and the mail in them. LMTP from the queue
 * ends here; IMAP and POP3 connections come from login when the client has a
 * ticket. No network; no file but below data_directory/mail.
 *
 * The same program is mailbox-user, which has the account of one system user,
 * runs as he (user.h), and ends when it has had nothing to do for max_idle.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "mailbox/adopt.h"
#include "mailbox/lmtp/lmtp.h"
#include "mailbox/move.h"
#include "mailbox/operator.h"
#include "mailbox/quota.h"
#include "mailbox/spool_lock.h"
#include "mailbox/user.h"
#include "proto/charset.h"
#include "serve/jail.h"
#include "store/engine.h"

enum {
	WORKERS = 56, OWNER_WORKERS = 24,
	STOP_GRACE = 4000,	/* ms */
	SERVICES = 8,
	PATH_SIZE = 4096,
};

static struct mailbox mailbox;
static struct space space;
static struct mail_server lmtp;
static struct admin_server operator;

static void
accept_lmtp(struct lot *lot, struct incoming *incoming)
{
	mail_server_accept(lot, incoming, &lmtp);
}

static void
accept_operator(struct lot *lot, struct incoming *incoming)
{
	admin_accept(lot, incoming, &operator);
}

/* LMTP, the operator's, and a row for each protocol. */
static const struct service *
make_services(bool is_owner)
{
	static struct service table[SERVICES];
	size_t count = 2;
	table[0] = (struct service){ is_owner ? "user-lmtp" : "mailbox-lmtp",
		accept_lmtp };
	table[1] = (struct service){ is_owner ? "user-admin" : "mailbox-admin",
		accept_operator };
	for (size_t i = 0; mailbox_protocols[i].service != NULL; i++)
		table[count++] = (struct service){ is_owner ?
			mailbox_protocols[i].owner_service :
			mailbox_protocols[i].service, adopt_accept };
	return table;
}

static void
reload(const struct config *config)
{
	mailbox.message_size_limit = config_size(config, "message_size_limit");
	mailbox.pop3_idle_timeout = config_duration(config,
		"pop3_idle_timeout");
	space_configure(&space, config);
}

/* Each account that is kept open has two descriptors; together they may have a
 * quarter of all, most are for sessions. 0: the store's own limit is lower. */
static unsigned
account_limit(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur > 32768)
		return 0;
	return (unsigned)(limit.rlim_cur / 8) + 1;
}

/* Inside the jail the mail is all there is: the root, or where it was. */
static int
open_store(const char *path, struct engine **engine, struct format *format,
	struct error *error)
{
	struct store_options options = { .account_limit = account_limit(),
		.format = format };
	mailbox.spill = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (mailbox.spill < 0)
		return error_set_errno(error, "opening %s", path);
	space.directory = mailbox.spill;
	if (engine_files_open(path, engine, error) < 0)
		return -1;
	options.engine = *engine;
	return store_open(&options, &mailbox.store, error);
}

static void
die(const struct error *error)
{
	log_event(LOG_ERROR, "cannot-start", NULL,
		LOG_TEXT("error", error->text));
	exit(1);
}

/* Virtual accounts: the mail is the root. A system user's: see user.h. */
static void
enter_jail(struct process *process, const char *path, struct user_mail *mail)
{
	struct error error;
	const struct jail jail = { .root = path,
		.rights = JAIL_FILES_READ | JAIL_FILES_WRITE | JAIL_SPILL |
		JAIL_THREADS };
	if ((process->owner != NULL ?
		user_enter_jail(process, path, mail, &error) :
		jail_enter(process, &jail, &error)) < 0)
		die(&error);
	if (process->owner == NULL)
		mail->engine = process->is_root ? "/" : path;
}

static void
find_path(const struct process *process, char *path, size_t size)
{
	const char *data = config_text(process->config, "data_directory");
	if (process->owner != NULL)
		snprintf(path, size, "%s/users/%u", data, process->instance);
	else
		snprintf(path, size, "%s/mail", data);
}

int
main(int argc, char **argv)
{
	char path[PATH_SIZE];
	struct error error;
	struct engine *engine = NULL;
	struct process *process = process_start(argc, argv);
	const struct config *config = process->config;
	const bool is_owner = process->owner != NULL;
	struct user_mail mail = { .engine = NULL };
	/* What is opened before the jail: the converters of charsets. */
	charset_open_all();
	find_path(process, path, sizeof(path));
	mailbox = (struct mailbox){
		.lot = lot_new(is_owner ? OWNER_WORKERS : WORKERS),
		.instance = process->instance, .processes = is_owner ? 0 :
		(unsigned)config_number(config, "mailbox_processes"),
		.hostname = config_text(config, "myhostname"),
		.home = process->instance != 0 ? process->home : NULL,
		.delimiters = config_text(config, "recipient_delimiter"),
		.space = &space };
	space_init(&space, -1);
	reload(config);
	mail.lot = mailbox.lot;
	enter_jail(process, path, &mail);
	if (open_store(mail.engine, &engine, mail.format, &error) < 0)
		die(&error);
	struct wire_pool *auth = wire_pool_new(mailbox.lot, "auth-ticket", 0);
	lmtp_server_init(&lmtp, &mailbox);
	operator = (struct admin_server){ mailbox_operator_commands, &mailbox };
	adopt_init(&mailbox, config, auth);
	listener_set_services(mailbox.lot, make_services(is_owner));
	listener_on_reload(mailbox.lot, reload);
	if (is_owner)
		spool_lock_init(mailbox.lot, mail.inbox);
	if (is_owner)
		lot_set_idle_limit(mailbox.lot, config_duration(config,
			"max_idle"));
	quota_start(mailbox.lot, auth);
	move_take_all(&mailbox);
	lot_run(mailbox.lot, STOP_GRACE);
	adopt_fini();
	store_close(&mailbox.store);
	engine->call->close(&engine);
	if (is_owner)
		user_leave(&mail);
	return 0;
}
