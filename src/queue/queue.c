/*
 * What the sessions of the queue share.
 */
#include "queue/queue.h"

void
queue_init(struct queue *queue, struct lot *lot, unsigned processes)
{
	*queue = (struct queue){ .lot = lot };
	queue->server = (struct mail_server){ .hostname = "queue", .spill = -1,
		.deliver = receive_transaction, .context = queue };
	queue->operator = (struct admin_server){ queue_operator_commands, queue };
	pthread_mutex_init(&queue->lock, NULL);
	expander_init(&queue->expander, lot);
	deliverer_init(&queue->deliverer, lot, processes);
	retry_init(&queue->retry, queue);
}

void
queue_fini(struct queue *queue)
{
	expander_fini(&queue->expander);
	deliverer_fini(&queue->deliverer);
	pthread_mutex_destroy(&queue->retry.lock);
	pthread_mutex_destroy(&queue->lock);
}

void
queue_set_rules(struct queue *queue, const struct attempt_rules *rules)
{
	pthread_mutex_lock(&queue->lock);
	queue->rules = *rules;
	pthread_mutex_unlock(&queue->lock);
}

struct attempt_rules
queue_rules(struct queue *queue)
{
	pthread_mutex_lock(&queue->lock);
	struct attempt_rules rules = queue->rules;
	pthread_mutex_unlock(&queue->lock);
	return rules;
}
