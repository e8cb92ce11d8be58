"""What a deployment needs beside the server, and the programs that check it."""
