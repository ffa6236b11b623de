#!powershell
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# Writes the flag into volatile keys, and into nothing else. Which keys, and whether there is something to write, is
# decided on the controller (plugins/plugin_utils/pending_reboot/flag.py).

#AnsibleRequires -CSharpUtil Ansible.Basic
#AnsibleRequires -CSharpUtil ansible_collections.pending_reboot.windows.plugins.module_utils.PendingReboot

$spec = @{
    options = @{
        update_id = @{ type = 'str'; required = $true }
        # Filled in by the action plugin. no_log is said because the name looks like a secret.
        keys = @{ type = 'list'; elements = 'str'; default = @(); no_log = $false }
    }
    supports_check_mode = $true
}

$module = [Ansible.Basic.AnsibleModule]::Create($args, $spec)
$machine = [ansible_collections.pending_reboot.windows.plugins.module_utils.PendingReboot.Machine]

function Assert-Success {
    param([int]$Code, [string]$Path)

    if ($Code -ne 0) {
        $text = (New-Object -TypeName System.ComponentModel.Win32Exception -ArgumentList $Code).Message
        $module.FailJson("the reboot could not be flagged: HKLM\${Path}: $text (error $Code)")
    }
}

# Nothing is written before every key has been looked at.
foreach ($path in $module.Params.keys) {
    $key = $machine::Open($path, 64, $false)
    if ($key.Code -eq 2 -or $key.Code -eq 3) {
        continue
    }
    Assert-Success -Code $key.Code -Path $path
    # A key whose kind Windows does not tell is left alone, too.
    if ($machine::IsVolatile($key) -ne $true) {
        $module.FailJson("HKLM\$path exists and is not volatile: it would outlive the reboot, so nothing was written (remove it if nobody needs it)")
    }
    $key.Handle.Dispose()
}

foreach ($path in $module.Params.keys) {
    if (-not $module.CheckMode) {
        $key = $machine::CreateVolatile($path)
        Assert-Success -Code $key.Code -Path $path
        Assert-Success -Code $machine::SetDword($key, $module.Params.update_id, 1) -Path $path
        $key.Handle.Dispose()
    }
    $module.Result.changed = $true
}

$module.ExitJson()
