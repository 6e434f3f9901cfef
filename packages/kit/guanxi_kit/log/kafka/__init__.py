"""The engine of every deployment: the event log on Apache Kafka, through aiokafka."""
