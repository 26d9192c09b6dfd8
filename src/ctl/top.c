/*
 * posthouse top: how the running system is, each second: rates, levels, and what
 * each process takes of the machine. In a pipe or with --json it looks twice, a
 * second apart, and prints that.
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/file.h"
#include "ctl/ctl.h"
#include "ctl/output.h"
#include "ctl/system.h"
#include "serve/counter.h"

enum { ROWS = 512, SECOND = 1000 };

struct row {
	char name[CONTROL_NAME_SIZE];
	unsigned instance;
	int32_t pid;
	uint64_t ticks;			/* of processor time so far */
	uint64_t kilobytes;
	uint64_t value[COUNTER_COUNT];
};

struct sample {
	int64_t at;			/* monotonic ms */
	struct row row[ROWS];
	size_t count;
	struct histogram_numbers histogram[HISTOGRAM_COUNT];	/* of all */
};

/* A number of the head of the page: a counter of one program, or of all. */
static const struct figure {
	const char *label;
	enum counter counter;
	const char *program;		/* NULL: all of them together */
	bool is_level;
} figures[] = {
	{ "connections/s", COUNTER_SESSIONS_TOTAL, "smtpd", false },
	{ "logins/s", COUNTER_LOGINS, "auth", false },
	{ "failed logins/s", COUNTER_LOGINS_FAILED, "auth", false },
	{ "messages in/s", COUNTER_MESSAGES_ACCEPTED, "smtpd", false },
	{ "refused/s", COUNTER_MESSAGES_REFUSED, "smtpd", false },
	{ "deliveries/s", COUNTER_RECIPIENTS_DELIVERED, "queue", false },
	{ "relayed/s", COUNTER_RELAYED, "relay", false },
	{ "DNS questions/s", COUNTER_COMMANDS, "names", false },
	{ "pages/s", COUNTER_COMMANDS, "web", false },
	{ "syncs/s", COUNTER_SYNCS, NULL, false },
	{ "queue", COUNTER_QUEUE_LENGTH, "queue", true },
	{ "sessions", COUNTER_SESSIONS_OPEN, "mailbox", true },
};

/* Times of the last interval, a column each. */
static const struct times {
	const char *label;
	enum histogram first, last;	/* together */
} times[] = {
	{ "reply", HISTOGRAM_REPLY_ACCEPTED, HISTOGRAM_REPLY_NEVER },
	{ "to mailbox", HISTOGRAM_DELIVERY_MAILBOX, HISTOGRAM_DELIVERY_MAILBOX },
	{ "to others", HISTOGRAM_DELIVERY_RELAY, HISTOGRAM_DELIVERY_RELAY },
};
static const unsigned quantiles[] = { 500, 990 };	/* permille */
enum { QUANTILES = sizeof(quantiles) / sizeof(quantiles[0]) };

static volatile sig_atomic_t is_ended;

/* ---- looking ---- */

static void
read_page(struct sample *sample, struct row *row, int fd)
{
	struct counter_numbers numbers;
	if (!counter_read(fd, &numbers))
		return;
	memcpy(row->value, numbers.value, sizeof(row->value));
	for (size_t i = 0; i < HISTOGRAM_COUNT; i++)
		histogram_add(&sample->histogram[i], &numbers.histogram[i]);
}

/* /proc/PID/stat: the fields behind the name in brackets; proc(5). */
static void
read_proc(struct row *row)
{
	char path[40], text[1024] = "";
	unsigned long user = 0, kernel = 0;
	long pages = 0;
	snprintf(path, sizeof(path), "/proc/%d/stat", row->pid);
	FILE *file = row->pid > 0 ? fopen(path, "re") : NULL;
	if (file == NULL)
		return;
	size_t size = fread(text, 1, sizeof(text) - 1, file);
	text[size] = '\0';
	fclose(file);
	const char *behind = strrchr(text, ')');
	if (behind != NULL && sscanf(behind + 1, " %*c %*d %*d %*d %*d %*d "
	    "%*u %*u %*u %*u %*u %lu %lu %*d %*d %*d %*d %*d %*d %*u %*u %ld",
	    &user, &kernel, &pages) == 3) {
		row->ticks = user + kernel;
		row->kilobytes = (uint64_t)pages *
			(uint64_t)sysconf(_SC_PAGESIZE) / 1024;
	}
}

static int
take_sample(const struct config *config, struct sample *sample,
	struct error *error)
{
	int control, fd;
	struct control_message message = { .version = CONTROL_VERSION,
		.kind = CONTROL_STATUS, .serial = 1 };
	if (system_connect(config, &control, error) < 0)
		return -1;
	sample->count = 0;
	memset(sample->histogram, 0, sizeof(sample->histogram));
	int result = system_send(control, &message, -1, error);
	while (result == 0) {
		result = system_receive(control, &message, &fd, error);
		if (result < 0 || message.kind == CONTROL_DONE)
			break;
		if (message.kind == CONTROL_PROCESS && sample->count < ROWS) {
			struct row *row = &sample->row[sample->count++];
			*row = (struct row){ .instance = message.instance,
				.pid = message.pid };
			snprintf(row->name, sizeof(row->name), "%.*s",
				CONTROL_NAME_SIZE - 1, message.peer);
			read_page(sample, row, fd);
			read_proc(row);
		}
		file_close(&fd);
	}
	file_close(&control);
	sample->at = clock_monotonic();
	return result;
}

/* ---- numbers ---- */

static uint64_t
sum(const struct sample *sample, const struct figure *figure)
{
	uint64_t total = 0;
	for (size_t i = 0; i < sample->count; i++)
		if (figure->program == NULL || strcmp(figure->program,
		    sample->row[i].name) == 0)
			total += sample->row[i].value[figure->counter];
	return total;
}

/* A second's worth of what grew; a process that is new has grown from nothing. */
static uint64_t
rate(uint64_t before, uint64_t now, int64_t ms)
{
	return now <= before || ms <= 0 ? 0 :
		((now - before) * 1000 + (uint64_t)ms / 2) / (uint64_t)ms;
}

static uint64_t
figure_value(const struct figure *figure, const struct sample *before,
	const struct sample *now)
{
	return figure->is_level ? sum(now, figure) : rate(sum(before, figure),
		sum(now, figure), now->at - before->at);
}

/* Microseconds; -1: nothing of it has happened. */
static int64_t
time_value(const struct times *time, unsigned permille,
	const struct sample *before, const struct sample *now)
{
	struct histogram_numbers all = { .sum = 0 };
	for (size_t i = time->first; i <= time->last; i++) {
		struct histogram_numbers grown = histogram_since(
			&before->histogram[i], &now->histogram[i]);
		histogram_add(&all, &grown);
	}
	return histogram_quantile(&all, permille);
}

/* In tenths of a percent of one processor. */
static unsigned
share(const struct row *row, const struct sample *before, int64_t ms)
{
	uint64_t ticks = 0;
	for (size_t i = 0; i < before->count; i++)
		if (before->row[i].pid == row->pid)
			ticks = before->row[i].ticks;
	if (ticks == 0 || row->ticks < ticks || ms <= 0)
		return 0;
	return (unsigned)((row->ticks - ticks) * 1000000 /
		((uint64_t)sysconf(_SC_CLK_TCK) * (uint64_t)ms));
}

/* ---- showing ---- */

static void
format_time(int64_t microseconds, char out[16])
{
	if (microseconds < 0)
		snprintf(out, 16, "-");
	else if (microseconds < 100000)
		snprintf(out, 16, "%.1f ms", (double)microseconds / 1000);
	else if (microseconds < 100000000)
		snprintf(out, 16, "%.1f s", (double)microseconds / 1000000);
	else
		snprintf(out, 16, "%.0f s", (double)microseconds / 1000000);
}

static void
draw_times(struct buffer *out, const struct sample *before,
	const struct sample *now)
{
	const size_t columns = sizeof(times) / sizeof(times[0]);
	for (size_t i = 0; i < QUANTILES * columns; i++) {
		unsigned permille = quantiles[i / columns];
		char label[24], value[16];
		snprintf(label, sizeof(label), "%s p%u",
			times[i % columns].label, permille / 10);
		format_time(time_value(&times[i % columns], permille, before,
			now), value);
		buffer_print(out, "%16s %-8s%s", label, value,
			(i + 1) % columns == 0 ? "\n" : "");
	}
}

/* The times come when there is room for them beside all processes. */
static void
draw(struct buffer *out, const struct config *config,
	const struct sample *before, const struct sample *now, size_t lines)
{
	const size_t count = sizeof(figures) / sizeof(figures[0]);
	size_t used = 4 + (count + 2) / 3;
	bool has_room = used + now->count + QUANTILES < lines;
	int64_t ms = now->at - before->at;
	buffer_print(out, "posthouse at %s, %zu processes\n\n",
		config_text(config, "myhostname"), now->count);
	for (size_t i = 0; i < count; i++)
		buffer_print(out, "%16s %-8llu%s", figures[i].label,
			(unsigned long long)figure_value(&figures[i], before,
			now), i % 3 == 2 || i + 1 == count ? "\n" : "");
	if (has_room)
		draw_times(out, before, now);
	buffer_print(out, "\n%-20s %4s %8s %6s %9s %9s %10s\n", "PROCESS",
		"", "PID", "CPU%", "MEMORY", "SESSIONS", "COMMANDS/S");
	for (size_t i = 0; i < now->count && ++used < lines; i++) {
		const struct row *row = &now->row[i];
		unsigned tenths = share(row, before, ms);
		uint64_t commands = 0;
		for (size_t k = 0; k < before->count; k++)
			if (before->row[k].pid == row->pid)
				commands = rate(before->row[k].value[
					COUNTER_COMMANDS], row->value[
					COUNTER_COMMANDS], ms);
		buffer_print(out, "%-20s %4u %8d %4u.%u %6llu MB %9llu %10llu\n",
			row->name, row->instance, row->pid, tenths / 10,
			tenths % 10, (unsigned long long)row->kilobytes / 1024,
			(unsigned long long)row->value[COUNTER_SESSIONS_OPEN],
			(unsigned long long)commands);
	}
}

static void
put(struct buffer *out)
{
	fwrite(out->data, 1, out->size, stdout);
	fflush(stdout);
	buffer_clear(out);
}

static void
print_json(const struct sample *before, const struct sample *now)
{
	static const char *const columns[] = { "process", NULL };
	struct output *output = output_new(true, columns);
	for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++) {
		output_row(output);
		output_text(output, "figure", span_from(figures[i].label));
		output_number(output, "value", (int64_t)figure_value(
			&figures[i], before, now));
	}
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		output_row(output);
		output_text(output, "time", span_from(times[i].label));
		for (size_t k = 0; k < QUANTILES; k++) {
			char name[8];
			snprintf(name, sizeof(name), "p%u", quantiles[k] / 10);
			int64_t value = time_value(&times[i], quantiles[k],
				before, now);
			if (value >= 0)
				output_number(output, name, value);
		}
	}
	for (size_t i = 0; i < now->count; i++) {
		const struct row *row = &now->row[i];
		output_row(output);
		output_text(output, "process", span_from(row->name));
		output_number(output, "instance", row->instance);
		output_number(output, "pid", row->pid);
		output_number(output, "cpu_permille", share(row, before,
			now->at - before->at));
		output_number(output, "memory_kb", (int64_t)row->kilobytes);
	}
	output_end(&output);
}

/* ---- the terminal ---- */

static void
end_by_signal(int number)
{
	(void)number;
	is_ended = 1;
}

static struct winsize
size_of_terminal(void)
{
	struct winsize size;
	if (ioctl(1, TIOCGWINSZ, &size) < 0 || size.ws_row == 0 ||
	    size.ws_col == 0)
		size = (struct winsize){ .ws_row = 24, .ws_col = 80 };
	return size;
}

/* A line that is too long is cut; wrapped it would push the head away. */
static void
add_cut(struct buffer *out, struct span text, size_t columns)
{
	struct span line;
	while (text.size > 0 && span_split(&text, '\n', &line)) {
		buffer_add(out, span_first(line, columns));
		buffer_add_string(out, "\r\n");
	}
}

/* q, Q or Ctrl-C; waits a second for it. */
static bool
wants_end(void)
{
	struct pollfd key = { .fd = 0, .events = POLLIN };
	char c;
	return (poll(&key, 1, SECOND) > 0 && (read(0, &c, 1) != 1 || c == 'q' ||
		c == 'Q' || c == 3)) || is_ended;
}

static int
watch(struct ctl *ctl, struct sample *before, struct sample *now,
	struct error *error)
{
	struct buffer text, out;
	int result = 0;
	buffer_init(&text, 0);
	buffer_init(&out, 0);
	while (result == 0 && !wants_end()) {
		struct winsize size = size_of_terminal();
		result = take_sample(ctl->config, now, error);
		draw(&text, ctl->config, before, now, size.ws_row);
		buffer_add_string(&out, "\033[H\033[J");
		add_cut(&out, buffer_span(&text), size.ws_col);
		buffer_clear(&text);
		put(&out);
		struct sample *old = before;
		before = now;
		now = old;
	}
	buffer_fini(&out);
	buffer_fini(&text);
	return result;
}

/* As it was, whatever ends it. */
static int
watch_on_terminal(struct ctl *ctl, struct sample *before, struct sample *now,
	struct error *error)
{
	struct termios old, raw;
	struct sigaction action = { .sa_handler = end_by_signal };
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	if (tcgetattr(0, &old) < 0)
		return error_set_errno(error, "asking the terminal");
	raw = old;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG);
	tcsetattr(0, TCSANOW, &raw);
	fputs("\033[?1049h\033[?25l", stdout);
	int result = watch(ctl, before, now, error);
	fputs("\033[?25h\033[?1049l", stdout);
	fflush(stdout);
	tcsetattr(0, TCSANOW, &old);
	return result;
}

static int
look_once(struct ctl *ctl, struct sample *before, struct sample *now,
	struct error *error)
{
	struct buffer out;
	poll(NULL, 0, SECOND);
	if (take_sample(ctl->config, now, error) < 0)
		return -1;
	if (ctl->json) {
		print_json(before, now);
		return 0;
	}
	buffer_init(&out, 0);
	draw(&out, ctl->config, before, now, SIZE_MAX);
	put(&out);
	buffer_fini(&out);
	return 0;
}

int
ctl_top(struct ctl *ctl)
{
	static struct sample before, now;
	struct error error;
	if (ctl->argc > 0)
		return ctl_usage(ctl_command_of(ctl_top),
			"found \"%s\", expected nothing", ctl->argv[0]);
	if (ctl_load_config(ctl) != 0)
		return 1;
	int result = take_sample(ctl->config, &before, &error);
	if (result == 0 && isatty(0) && isatty(1) && !ctl->json)
		result = watch_on_terminal(ctl, &before, &now, &error);
	else if (result == 0)
		result = look_once(ctl, &before, &now, &error);
	return result < 0 ? ctl_fail_error(&error) : 0;
}
