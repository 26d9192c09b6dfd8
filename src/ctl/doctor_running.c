/* Judges of the running system: processes, the queue, the log. */
#include "ctl/doctor.h"

enum { RESTARTS = 3, RECENTLY = 3600 /* s */, QUEUE_HOURS = 4,
	QUEUE_LENGTH = 1000 };

static const char *
number(struct doctor_facts *facts, int64_t value)
{
	return arena_print(facts->arena, "%lld", (long long)value).data;
}

static const char *
log_path(struct doctor_facts *facts)
{
	return arena_print(facts->arena, "%s/log/posthouse.log", config_text(
		facts->config, "data_directory")).data;
}

static void
judge_process(struct doctor_facts *facts, struct doctor_report *report,
	const struct doctor_process *process)
{
	const char *restarts = number(facts, process->restarts);
	if (process->pid == 0)
		doctor_add(report, DOCTOR_PROCESS_DOWN, process->name,
			restarts, "", log_path(facts));
	else if (process->restarts >= RESTARTS && process->uptime < RECENTLY)
		doctor_add(report, DOCTOR_PROCESS_RESTARTS, process->name,
			restarts, number(facts, process->uptime / 60),
			log_path(facts));
}

static void
judge_queue(struct doctor_facts *facts, struct doctor_report *report)
{
	const struct doctor_queue *queue = &facts->queue;
	int64_t hours = queue->oldest == 0 ? 0 :
		(facts->now - queue->oldest) / (3600 * 1000);
	if (queue->damaged > 0)
		doctor_add(report, DOCTOR_QUEUE_DAMAGED,
			number(facts, (int64_t)queue->damaged));
	if (queue->waiting > 0 && hours >= QUEUE_HOURS)
		doctor_add(report, DOCTOR_QUEUE_OLD,
			number(facts, (int64_t)queue->waiting),
			number(facts, hours), queue->error);
	else if (queue->waiting >= QUEUE_LENGTH)
		doctor_add(report, DOCTOR_QUEUE_LONG,
			number(facts, (int64_t)queue->waiting));
}

void
doctor_judge_running(struct doctor_facts *facts, struct doctor_report *report)
{
	if (!facts->is_running)
		doctor_add(report, DOCTOR_STOPPED);
	for (size_t i = 0; i < facts->process_count; i++)
		judge_process(facts, report, &facts->process[i]);
	judge_queue(facts, report);
	if (facts->log.errors > 0)
		doctor_add(report, DOCTOR_LOG_ERRORS,
			number(facts, (int64_t)facts->log.errors),
			facts->log.last, log_path(facts));
}
