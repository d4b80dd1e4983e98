"""What the processes of the service share: messages, traces, logs."""
