# Only a doorbell: whatever rings node-gyp reaches the one build there is, that of CMakeLists.txt. Plain `npm ci` does not ring
# it ("gypfile": false, no install script).
{
  'targets': [
    {
      'target_name': 'mlxd_addon',
      'type': 'none',
      'actions': [
        {
          'action_name': 'build',
          'inputs': [],
          # Never made, so that each ring is answered; the build itself knows what is up to date.
          'outputs': ['<(INTERMEDIATE_DIR)/always'],
          'action': ['npm', 'run', '--silent', '--prefix', '<(module_root_dir)', 'build', '--', '--only', 'mlx', '--only', 'addon'],
        },
      ],
    },
  ],
}
