"""What a person asks for by a comment in a file: `# … AI!`, `// … AI?`."""
