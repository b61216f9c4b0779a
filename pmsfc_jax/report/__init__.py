"""What a person looks at: contact sheets of pictures."""
