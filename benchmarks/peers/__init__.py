"""What else does this work, run beside our server in the same run: a stock MLflow server, with its
own database on the same PostgreSQL and in it the same models and versions."""
