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
          'outputs': ['<(module_root_dir)/build/Release/mlxd.node'],
          'action': ['npm', 'run', '--silent', '--prefix', '<(module_root_dir)', 'build', '--', '--only', 'mlx', '--only', 'addon'],
        },
      ],
    },
  ],
}
