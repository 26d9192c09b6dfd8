/*
 * The questions of `posthouse init` at a terminal: what the machine cannot know
 * by itself. Each is a row of one table: the question, why it is asked, what is
 * proposed, and what takes the answer or says what was expected. Nothing is
 * changed here, so that who leaves with Ctrl-C leaves nothing half done.
 */
#include "ctl/init.h"

#include <errno.h>
#include <netdb.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/config.h"
#include "ctl/wording.h"
#include "ctl/password.h"
#include "ctl/port_holder.h"
#include "ctl/prepare.h"
#include "proto/address.h"

#define N_(text) text

enum { LINE_SIZE = 512 };

struct question {
	const char *text, *why;
	/* Whether it is asked after what has been answered; NULL: always. */
	bool (*is_asked)(const struct init_plan *plan);
	void (*propose)(const struct init_plan *plan, char out[LINE_SIZE]);
	/* NULL: taken; else what was expected. */
	const char *(*take)(struct init_plan *plan, const char *answer);
};

/* ---- the domain and the host ---- */

bool
init_is_domain(const char *text)
{
	bool has_dot = false;
	size_t size = strlen(text);
	if (size == 0 || size > 253 || text[0] == '.' || text[size - 1] == '.')
		return false;
	for (size_t i = 0; i < size; i++) {
		unsigned char c = (unsigned char)text[i];
		has_dot |= c == '.';
		if (c <= ' ' || c == 127 || strchr("@/\\\"'<>()[],;:$#", c))
			return false;
		if (c == '.' && text[i + 1] == '.')
			return false;
	}
	return has_dot;
}

void
init_find_hostname(char hostname[INIT_DOMAIN_SIZE])
{
	struct addrinfo hints = { .ai_flags = AI_CANONNAME }, *found = NULL;
	char name[INIT_DOMAIN_SIZE] = "";
	hostname[0] = '\0';
	if (gethostname(name, sizeof(name) - 1) < 0)
		return;
	if (strchr(name, '.') == NULL &&
	    getaddrinfo(name, NULL, &hints, &found) == 0 &&
	    found->ai_canonname != NULL)
		snprintf(name, sizeof(name), "%s", found->ai_canonname);
	if (found != NULL)
		freeaddrinfo(found);
	if (init_is_domain(name) && strncmp(name, "localhost.", 10) != 0)
		snprintf(hostname, INIT_DOMAIN_SIZE, "%s", name);
}

/* mail.example.org is a host of example.org. */
static void
propose_domain(const struct init_plan *plan, char out[LINE_SIZE])
{
	const char *dot = strchr(plan->hostname, '.');
	snprintf(out, LINE_SIZE, "%s", dot != NULL &&
		strchr(dot + 1, '.') != NULL ? dot + 1 : plan->hostname);
}

static bool
lacks_domain(const struct init_plan *plan)
{
	return !plan->goes_on;
}

bool
init_take_name(char name[INIT_DOMAIN_SIZE], const char *text)
{
	struct arena arena;
	struct span ascii;
	arena_init(&arena, 0);
	/* with room for a user before it (RFC 5321 4.5.3.1.3) */
	bool is_taken = init_is_domain(text) && address_domain_to_ascii(&arena,
		span_from(text), &ascii) &&
		ascii.size + strlen("postmaster@") <= ADDRESS_PATH_LIMIT;
	if (is_taken)
		snprintf(name, INIT_DOMAIN_SIZE, "%.*s", SPAN_PRINT(ascii));
	arena_fini(&arena);
	return is_taken;
}

static const char *
take_domain(struct init_plan *plan, const char *answer)
{
	return init_take_name(plan->domain, answer) ? NULL :
		N_("expected a domain such as example.org");
}

static void
propose_hostname(const struct init_plan *plan, char out[LINE_SIZE])
{
	size_t host = strlen(plan->hostname), domain = strlen(plan->domain);
	bool is_below = host > domain &&
		plan->hostname[host - domain - 1] == '.' &&
		strcmp(plan->hostname + host - domain, plan->domain) == 0;
	if (is_below)
		snprintf(out, LINE_SIZE, "%s", plan->hostname);
	else
		snprintf(out, LINE_SIZE, "mail.%s", plan->domain);
}

static const char *
take_hostname(struct init_plan *plan, const char *answer)
{
	return init_take_name(plan->hostname, answer) ? NULL :
		N_("expected a host name with its domain, such as "
			"mail.example.org");
}

void
init_assume(struct init_plan *plan, const char *domain)
{
	char host[LINE_SIZE];
	if (!init_take_name(plan->domain, domain))
		snprintf(plan->domain, sizeof(plan->domain), "%s", domain);
	init_find_hostname(plan->hostname);
	propose_hostname(plan, host);
	snprintf(plan->hostname, sizeof(plan->hostname), "%.253s", host);
	snprintf(plan->reader, sizeof(plan->reader), "postmaster@%s",
		plan->domain);
	plan->has_users = true;
}

/* ---- yes and no ---- */

/* 1, 0, or -1: neither. */
static int
read_choice(const char *answer)
{
	static const char *const yes[] = { "y", "Y", "yes", "Yes", "是" };
	static const char *const no[] = { "n", "N", "no", "No", "否" };
	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
		if (strcmp(answer, yes[i]) == 0)
			return 1;
		if (strcmp(answer, no[i]) == 0)
			return 0;
	}
	return -1;
}

static const char *
take_choice(bool *choice, const char *answer)
{
	int found = read_choice(answer);
	if (found < 0)
		return N_("expected yes or no");
	*choice = found == 1;
	return NULL;
}

static void
propose_yes(const struct init_plan *plan, char out[LINE_SIZE])
{
	(void)plan;
	snprintf(out, LINE_SIZE, "%s", wording_text(N_("yes")));
}

static const char *
take_users(struct init_plan *plan, const char *answer)
{
	return take_choice(&plan->has_users, answer);
}

/* ---- who reads postmaster's mail ---- */

static void
propose_reader(const struct init_plan *plan, char out[LINE_SIZE])
{
	snprintf(out, LINE_SIZE, "postmaster@%s", plan->domain);
}

static bool
is_local_part(const char *text, size_t size)
{
	if (size == 0 || size > 64)
		return false;
	for (size_t i = 0; i < size; i++)
		if ((unsigned char)text[i] <= ' ' || text[i] == 127 ||
		    strchr("@/\\\"'<>()[],;:$#|", text[i]) != NULL)
			return false;
	return true;
}

const char *
init_take_reader(struct init_plan *plan, const char *answer)
{
	char name[65], domain[INIT_DOMAIN_SIZE];
	const char *at = strchr(answer, '@');
	size_t size = at == NULL ? strlen(answer) : (size_t)(at - answer);
	snprintf(domain, sizeof(domain), "%s", plan->domain);
	if (!is_local_part(answer, size) ||
	    (at != NULL && !init_take_name(domain, at + 1)))
		return N_("expected a name or an address such as "
			"alice@example.org");
	snprintf(name, sizeof(name), "%.*s", (int)size, answer);
	snprintf(plan->reader, sizeof(plan->reader), "%s@%s", name, domain);
	if (strcmp(domain, plan->domain) != 0)
		plan->kind = INIT_ELSEWHERE;
	else
		plan->kind = plan->has_users && getpwnam(name) != NULL ?
			INIT_USER : INIT_ACCOUNT;
	plan->is_named = true;
	return NULL;
}

/* ---- a certificate ---- */

static bool
can_have_acme(const struct init_plan *plan)
{
	(void)plan;
	return config_find_parameter(SPAN("acme_directory")) != NULL;
}

static const char *
take_acme(struct init_plan *plan, const char *answer)
{
	return take_choice(&plan->wants_acme, answer);
}

static bool
wants_acme(const struct init_plan *plan)
{
	return plan->wants_acme;
}

static void
propose_email(const struct init_plan *plan, char out[LINE_SIZE])
{
	snprintf(out, LINE_SIZE, "%s", plan->reader);
}

static const char *
take_email(struct init_plan *plan, const char *answer)
{
	char domain[INIT_DOMAIN_SIZE];
	const char *at = strchr(answer, '@');
	if (at == NULL || !is_local_part(answer, (size_t)(at - answer)) ||
	    !init_take_name(domain, at + 1))
		return N_("expected an address such as alice@example.org");
	snprintf(plan->acme_email, sizeof(plan->acme_email), "%.*s@%s",
		(int)(at - answer), answer, domain);
	return NULL;
}

static bool
needs_certificate(const struct init_plan *plan)
{
	return !plan->wants_acme;
}

static void
propose_nothing(const struct init_plan *plan, char out[LINE_SIZE])
{
	(void)plan;
	out[0] = '\0';
}

/* What the configuration can say as it is. */
static bool
is_path(const char *answer)
{
	return answer[0] == '/' && strpbrk(answer, "$#") == NULL &&
		strlen(answer) < INIT_PATH_SIZE;
}

static const char *
take_certificate(struct init_plan *plan, const char *answer)
{
	if (answer[0] != '\0' &&
	    (!is_path(answer) || access(answer, R_OK) < 0))
		return N_("expected nothing, or the whole path of a file that "
			"is there");
	snprintf(plan->certificate, sizeof(plan->certificate), "%s", answer);
	return NULL;
}

static bool
has_certificate(const struct init_plan *plan)
{
	return plan->certificate[0] != '\0';
}

static const char *
take_key(struct init_plan *plan, const char *answer)
{
	struct error error;
	if (answer[0] == '\0') {
		plan->certificate[0] = '\0';
		return NULL;
	}
	if (!is_path(answer) || prepare_check_pair(plan->certificate, answer,
	    &error) < 0)
		return N_("expected the path of the private key of that "
			"certificate, both in PEM and without a password; "
			"nothing: without that certificate");
	snprintf(plan->key, sizeof(plan->key), "%s", answer);
	return NULL;
}

/* ---- asking ---- */

static const struct question questions[] = {
	{ N_("Mail domain"), N_("Addresses here are name@domain."),
		lacks_domain, propose_domain, take_domain },
	{ N_("Host name"), N_("By this name other servers know this machine: "
		"the MX record leads to it, and its address back to it."),
		NULL, propose_hostname, take_hostname },
	{ N_("Do users of this machine have mail here?"), N_("Who has a login "
		"and a password on this machine then has an address, too."),
		NULL, propose_yes, take_users },
	{ N_("Who reads mail to postmaster, abuse and root?"), N_("Others write there "
		"when something is wrong, and so does this machine. A new "
		"account, a user of this machine, or an address elsewhere."),
		NULL, propose_reader, init_take_reader },
	{ N_("Get a certificate from Let's Encrypt?"), N_("Without one, "
		"mail programs warn of this server. The host name must be in "
		"the DNS and lead to this machine."),
		can_have_acme, propose_yes, take_acme },
	{ N_("Address for Let's Encrypt"), N_("It is told when something is "
		"wrong with the certificate."),
		wants_acme, propose_email, take_email },
	{ N_("File of your certificate"), N_("In PEM, with its whole chain. "
		"Nothing: one is made of which mail programs warn."),
		needs_certificate, propose_nothing, take_certificate },
	{ N_("File of its key"), N_("In PEM; only root should be able to read "
		"it."),
		has_certificate, propose_nothing, take_key },
};

/* -1: the end of what is typed. */
static int
read_answer(char line[LINE_SIZE], struct error *error)
{
	fflush(stdout);
	if (fgets(line, LINE_SIZE, stdin) == NULL)
		return error_set(error, ERROR_USAGE, "%s", wording_text(
			N_("nothing was changed")));
	size_t begin = strspn(line, " \t"), end = strlen(line);
	while (end > begin && strchr(" \t\r\n", line[end - 1]) != NULL)
		end--;
	memmove(line, line + begin, end - begin);
	line[end - begin] = '\0';
	return 0;
}

static int
ask(const struct question *question, struct init_plan *plan,
	struct error *error)
{
	char line[LINE_SIZE], proposal[LINE_SIZE];
	question->propose(plan, proposal);
	printf("\n%s\n", wording_text(question->why));
	for (;;) {
		printf("%s", wording_text(question->text));
		if (proposal[0] != '\0')
			printf(" [%s]", proposal);
		printf(" ");
		if (read_answer(line, error) < 0)
			return -1;
		const char *wrong = question->take(plan,
			line[0] == '\0' ? proposal : line);
		if (wrong == NULL)
			return 0;
		printf("  %s\n", wording_text(wrong));
	}
}

/* Twice the same, or nothing. */
static int
ask_password(struct init_plan *plan, struct error *error)
{
	struct buffer again;
	buffer_init(&again, PASSWORD_LIMIT);
	printf("\n%s\n", wording_text(N_("Nothing: one is made, and shown at "
		"the end.")));
	int result;
	for (;;) {
		fflush(stdout);
		buffer_clear(&plan->password);
		buffer_clear(&again);
		result = password_ask(wording_text(N_("Password for")),
			plan->reader, &plan->password, error);
		if (result < 0 || plan->password.size == 0)
			break;
		result = password_ask(wording_text(N_("The same again for")),
			plan->reader, &again, error);
		if (result < 0 || span_equals(buffer_span(&plan->password),
		    buffer_span(&again)))
			break;
		printf("  %s\n", wording_text(N_("the two passwords are not "
			"the same")));
	}
	buffer_fini(&again);
	return result;
}

static void
say(const char *what, const char *value)
{
	printf("  %s: %s\n", wording_text(what), value);
}

static void
say_plan(const struct init_plan *plan, const char *config_path)
{
	static const char *const readers[] = {
		[INIT_ACCOUNT] = N_("a new account"),
		[INIT_USER] = N_("a user of this machine"),
		[INIT_ELSEWHERE] = N_("an address elsewhere"),
	};
	printf("\n%s\n", wording_text(N_("This will be made:")));
	say(N_("Configuration"), config_path);
	say(N_("Mail domain"), plan->domain);
	say(N_("Host name"), plan->hostname);
	say(N_("Mail for users of this machine"),
		wording_text(plan->has_users ? N_("yes") : N_("no")));
	printf("  %s: %s (%s)\n", wording_text(N_("Reader of postmaster, "
		"abuse and root")), plan->reader, wording_text(readers[plan->kind]));
	if (plan->wants_acme)
		say(N_("Certificate of Let's Encrypt"), plan->acme_email);
	else
		say(N_("Certificate"), plan->key[0] != '\0' ?
			plan->certificate : wording_text(N_("one is made, of "
			"which mail programs warn")));
	printf("\n");
}

static int
ask_whether_right(struct error *error)
{
	char line[LINE_SIZE];
	int choice;
	do {
		printf("%s [%s] ", wording_text(N_("Is that right?")),
			wording_text(N_("yes")));
		if (read_answer(line, error) < 0)
			return -1;
		choice = line[0] == '\0' ? 1 : read_choice(line);
	} while (choice < 0);
	return choice == 1 ? 0 : error_set(error, ERROR_USAGE, "%s",
		wording_text(N_("nothing was changed")));
}

int
init_ask(struct init_plan *plan, const char *config_path,
	struct error *error)
{
	plan->is_asked = true;
	init_find_hostname(plan->hostname);
	if (plan->goes_on)
		printf("%s: %s\n", wording_text(N_("This goes on with what the "
			"installation has made")), config_path);
	printf("%s\n", wording_text(N_("Enter takes what stands in brackets; "
		"Ctrl-C leaves everything as it is.")));
	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
		const struct question *question = &questions[i];
		if ((question->is_asked == NULL || question->is_asked(plan)) &&
		    ask(question, plan, error) < 0)
			return -1;
	}
	if (plan->kind == INIT_ACCOUNT && ask_password(plan, error) < 0)
		return -1;
	say_plan(plan, config_path);
	return ask_whether_right(error);
}

/* Our DNS starts without its port then. */
static void
say_who_has_the_port_of_dns(void)
{
	struct port_holder holder;
	struct port_wish wish = { .port = 53,
		.address.ss_family = AF_INET };
	for (int i = 0; i < 2 && geteuid() == 0; i++) {
		wish.is_datagram = i == 1;
		if (!port_holder_find(&wish, &holder))
			continue;
		printf("\n%s %s (%s)\n", wording_text(N_("Port 53 is another "
			"program's, so this system does not answer for your "
			"domain in the DNS; doctor says what to do if it is "
			"to:")), holder.program, holder.address);
		return;
	}
}

static void
say_command(const char *config_option, const char *words, const char *what)
{
	char line[4700];
	snprintf(line, sizeof(line), "posthouse%s %s", config_option, words);
	printf("  %-38s  %s\n", line, wording_text(what));
}

void
init_say_next(const struct init_plan *plan, const char *config_option)
{
	char user[INIT_DOMAIN_SIZE + 16], page[INIT_DOMAIN_SIZE + 16];
	bool is_unit = access("/run/systemd/system", F_OK) == 0 &&
		access("/lib/systemd/system/posthouse.service", F_OK) == 0;
	if (!plan->goes_on)
		say_who_has_the_port_of_dns();
	snprintf(user, sizeof(user), "user add NAME@%s", plan->domain);
	printf("\n%s\n", wording_text(N_("What comes next:")));
	if (!plan->is_asked && config_option[0] == '\0')
		say_command(config_option, "init", N_("asks what is not known "
			"yet"));
	else if (is_unit && config_option[0] == '\0')
		printf("  %-38s  %s\n", "systemctl restart posthouse",
			wording_text(N_("starts it")));
	else
		say_command(config_option, "serve", N_("runs it in the "
			"foreground"));
	say_command(config_option, user, N_("an account"));
	snprintf(page, sizeof(page), "https://%s/", plan->hostname);
	printf("  %-38s  %s\n", page, wording_text(N_("how phones and mail "
		"programs set themselves up")));
	say_command(config_option, "dns", N_("the records that your domain "
		"needs in the DNS"));
	say_command(config_option, "doctor", N_("what is still wrong, and what "
		"to do about it"));
}
