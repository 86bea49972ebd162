// The fixed questions whose greedy answers are compared: everyday and technical, most of them with long answers.

export const PROMPTS: readonly string[] = [
  'What is the capital of France? Answer in one sentence.',
  'Explain how a bicycle stays upright while it is moving.',
  'Write a short story about a lighthouse keeper who finds a letter in a bottle.',
  'List five things to check before a long drive.',
  'Write a Python function that returns the n-th Fibonacci number.',
  'What is the difference between weather and climate?',
  'Summarize in three sentences why bread rises.',
  'Give me a recipe for tomato soup for four people.',
  'How does a hash table find an entry?',
  'Write a polite email that asks a landlord to repair a leaking tap.',
  'Why is the sky blue during the day and red at sunset?',
  'A train leaves at 9:40 and arrives at 12:15. How long is the journey? Explain each step.',
  'Describe the water cycle to a child of eight.',
  'What are the advantages and disadvantages of working from home?',
  'Write an SQL query that lists the ten customers with the most orders, and explain it.',
  'Translate into French and explain the grammar: "I would have come if I had known."',
  'Name three rivers in Africa and say one thing about each of them.',
  'Suggest a plan for learning to play the guitar in six months.',
  'What does a compiler do? Describe its main stages.',
  'Write a poem about the first snow of the winter.',
];
