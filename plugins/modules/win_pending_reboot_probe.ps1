#!powershell
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# Looks, and judges nothing: what the answers mean is known to plugins/plugin_utils/pending_reboot on the controller.
# The shape of the answer is docs/probe.schema.json.

#AnsibleRequires -CSharpUtil Ansible.Basic
#AnsibleRequires -CSharpUtil ansible_collections.pending_reboot.windows.plugins.module_utils.PendingReboot

$spec = @{
    options = @{
        registry = @{
            type = 'list'
            elements = 'dict'
            options = @{
                path = @{ type = 'str'; required = $true }
                view = @{ type = 'int'; choices = 32, 64; default = 64 }
                names = @{ type = 'list'; elements = 'str'; default = @() }
                # Said because their names look like secrets, to Ansible as well.
                subkeys = @{ type = 'str'; no_log = $false }
                subkey_names = @{ type = 'list'; elements = 'str'; default = @(); no_log = $false }
            }
        }
        files = @{
            type = 'list'
            elements = 'dict'
            options = @{
                # Not of type path, which fails for a path that cannot be.
                path = @{ type = 'str'; required = $true }
                digest = @{ type = 'bool'; default = $false }
            }
        }
        components = @{
            type = 'list'
            elements = 'str'
            choices = 'boot_time', 'host', 'windows_update_agent', 'windows_update_settings', 'configuration_manager', 'desired_state_configuration'
        }
        update_search = @{ type = 'str' }
        timeout = @{ type = 'int'; default = 30 }
    }
    supports_check_mode = $true
}

$module = [Ansible.Basic.AnsibleModule]::Create($args, $spec)
$machine = [ansible_collections.pending_reboot.windows.plugins.module_utils.PendingReboot.Machine]

# Lists that change while they are read are read again so often.
$tries = 8

function New-Failure {
    param([object]$Code, [string]$Message, [string]$State = 'failed')

    @{ state = $State; error = @{ code = $Code; message = $Message } }
}

function ConvertFrom-Win32Code {
    # What a Win32 error says about the thing that was asked for.
    param([int]$Code)

    if ($Code -eq 0) {
        @{ state = 'present'; error = $null }
    }
    elseif ($Code -eq 2 -or $Code -eq 3) {
        @{ state = 'absent'; error = $null }
    }
    else {
        $state = if ($Code -eq 5) { 'denied' } else { 'failed' }
        $text = (New-Object -TypeName System.ComponentModel.Win32Exception -ArgumentList $Code).Message
        New-Failure -Code $Code -Message $text -State $state
    }
}

function Get-Listing {
    # Names of the values or subkeys of an open key. A list that changed meanwhile can miss one that stays.
    param([object]$Key, [int]$View, [switch]$Subkey)

    $registryView = if ($View -eq 32) { [Microsoft.Win32.RegistryView]::Registry32 } else { [Microsoft.Win32.RegistryView]::Registry64 }
    $registryKey = [Microsoft.Win32.RegistryKey]::FromHandle($Key.Handle, $registryView)
    $names = New-Object -TypeName 'System.Collections.Generic.List[string]'
    $failure = $null
    for ($try = 0; $try -lt $tries; $try++) {
        $before = $Key.LastWrite
        $failure = New-Failure -Message 'its list changed each time it was read'
        try {
            $found = if ($Subkey) { $registryKey.GetSubKeyNames() } else { $registryKey.GetValueNames() }
            foreach ($name in $found) {
                if (-not $names.Contains($name)) {
                    $names.Add($name)
                }
            }
            $code = $machine::LastWrite($Key)
            if ($code -eq 0 -and $Key.LastWrite -eq $before) {
                $failure = $null
                break
            }
        }
        catch {
            $base = $_.Exception.GetBaseException()
            $failure = New-Failure -Code $base.HResult -Message $base.Message
        }
    }
    @{ names = $names; failure = $failure }
}

function Get-ValueList {
    param([object]$Key, [string[]]$Name)

    $seen = New-Object -TypeName 'System.Collections.Generic.List[object]'
    foreach ($each in $Name) {
        $value = $machine::Value($Key, $each)
        $answer = ConvertFrom-Win32Code -Code $value.Code
        if ($answer.state -eq 'absent') {
            continue
        }
        $answer.name = $each
        $answer.type = $null
        $answer.data = $null
        if ($answer.state -eq 'present') {
            $answer.type = $value.Type
            $answer.data = [System.Convert]::ToBase64String($value.Data)
        }
        $seen.Add($answer)
    }
    , $seen
}

function Get-SubkeyList {
    param([object]$Key, [System.Collections.IDictionary]$Question)

    $seen = New-Object -TypeName 'System.Collections.Generic.List[object]'
    $listing = Get-Listing -Key $Key -View $Question.view -Subkey
    $pattern = '^' + [regex]::Escape($Question.subkeys).Replace('\*', '.*').Replace('\?', '.') + '$'
    foreach ($name in $listing.names) {
        if (-not [regex]::IsMatch($name, $pattern, 'IgnoreCase, CultureInvariant, Singleline')) {
            continue
        }
        $child = $machine::Open("$($Question.path)\$name", $Question.view, $false)
        $answer = ConvertFrom-Win32Code -Code $child.Code
        if ($answer.state -eq 'absent') {
            continue
        }
        $answer.name = $name
        $answer.last_write = $null
        $answer.found = @()
        if ($answer.state -eq 'present') {
            $answer.last_write = $child.LastWrite
            $answer.found = Get-ValueList -Key $child -Name $Question.subkey_names
            $child.Handle.Dispose()
        }
        $seen.Add($answer)
    }
    @{ seen = $seen; failure = $listing.failure }
}

function Get-RegistryAnswer {
    param([System.Collections.IDictionary]$Question)

    $key = $machine::Open($Question.path, $Question.view, $null -ne $Question.subkeys)
    $answer = ConvertFrom-Win32Code -Code $key.Code
    $answer.path = $Question.path
    $answer.view = $Question.view
    $answer.last_write = $null
    $answer.found = @()
    $answer.subkeys_found = @()
    $answer.listing_error = $null
    if ($answer.state -ne 'present') {
        return $answer
    }
    $answer.last_write = $key.LastWrite
    $names = $Question.names
    if ($names.Count -eq 1 -and $names[0] -eq '*') {
        $listing = Get-Listing -Key $key -View $Question.view
        $names = $listing.names
        $answer.listing_error = $listing.failure
    }
    $answer.found = Get-ValueList -Key $key -Name $names
    if ($null -ne $Question.subkeys) {
        $subkeys = Get-SubkeyList -Key $key -Question $Question
        $answer.subkeys_found = $subkeys.seen
        if ($subkeys.failure) {
            $answer.listing_error = $subkeys.failure
        }
    }
    $key.Handle.Dispose()
    $answer
}

function Get-Digest {
    # The SHA-256 of a file, in lower case.
    param([string]$Path)

    $share = [System.IO.FileShare]::ReadWrite -bor [System.IO.FileShare]::Delete
    $file = [System.IO.File]::Open($Path, [System.IO.FileMode]::Open, [System.IO.FileAccess]::Read, $share)
    try {
        $sha256 = [System.Security.Cryptography.SHA256]::Create()
        [System.BitConverter]::ToString($sha256.ComputeHash($file)).Replace('-', '').ToLowerInvariant()
    }
    finally {
        $file.Dispose()
    }
}

function Get-FileAnswer {
    param([System.Collections.IDictionary]$Question)

    # A 32-bit process sees another System32 unless it asks for this one.
    $path = $Question.path
    $system = "$env:SystemRoot\System32\"
    if ($env:PROCESSOR_ARCHITEW6432 -and $path.StartsWith($system, [System.StringComparison]::OrdinalIgnoreCase)) {
        $path = "$env:SystemRoot\Sysnative\" + $path.Substring($system.Length)
    }
    $answer = ConvertFrom-Win32Code -Code $machine::FileState($path)
    $answer.path = $Question.path
    $answer.version = $null
    $answer.version_error = $null
    $answer.sha256 = $null
    $answer.long_path = $machine::LongPath($Question.path)
    $place = $Question.path.LastIndexOf('\')
    if (-not $answer.long_path -and $place -gt 2) {
        $folder = $machine::LongPath($Question.path.Substring(0, $place))
        $answer.long_path = if ($folder) { $folder + $Question.path.Substring($place) } else { $null }
    }
    if ($answer.state -ne 'present') {
        return $answer
    }
    if ($Question.digest) {
        try {
            $answer.sha256 = Get-Digest -Path $path
        }
        catch {
            $seen = ConvertFrom-Win32Code -Code ($_.Exception.GetBaseException().HResult -band 0xFFFF)
            $answer.state = $seen.state
            $answer.error = $seen.error
            return $answer
        }
    }
    $version = $machine::VersionOf($path)
    $answer.version = $version.Version
    if ($version.Code -ne 0) {
        $seen = ConvertFrom-Win32Code -Code $version.Code
        if ($seen.state -eq 'absent') {
            $seen = New-Failure -Code $version.Code -Message 'it was gone before it could be read'
        }
        $answer.version_error = $seen
    }
    $answer
}

# What other programs answer. Each runs by itself, because a COM server may hang. PowerShell reads a property whose getter
# fails as $null, so nothing is taken for "no" that is not there.
$questions = @{
    windows_update_agent = {
        $info = New-Object -ComObject Microsoft.Update.SystemInfo
        $required = [System.__ComObject].InvokeMember('RebootRequired', [System.Reflection.BindingFlags]::GetProperty, $null, $info, $null)
        if ($null -eq $required) { throw 'it does not say whether a reboot is required' }
        @{ reboot_required = [bool]$required }
    }
    search = {
        param($Search)
        $searcher = (New-Object -ComObject Microsoft.Update.Session).CreateUpdateSearcher()
        $searcher.Online = $false
        $found = $searcher.Search($Search)
        if ($null -eq $found -or $null -eq $found.Updates) { throw 'the search gave no list' }
        @{
            updates = @(foreach ($update in $found.Updates) {
                    @{
                        update_id = [string]$update.Identity.UpdateID
                        kb = @(foreach ($number in $update.KBArticleIDs) { "KB$number" })
                        title = [string]$update.Title
                    }
                })
        }
    }
    windows_update_settings = {
        param($Search, $Seconds)
        $out = Invoke-CimMethod -Namespace root/Microsoft/Windows/WindowsUpdate -ClassName MSFT_WUSettings -MethodName IsPendingReboot -OperationTimeoutSec $Seconds
        if ($null -eq $out.ReturnValue) { throw 'IsPendingReboot returned nothing' }
        if ($out.ReturnValue -eq 0 -and $null -eq $out.PendingReboot) { throw 'the answer holds no PendingReboot' }
        @{ return_value = [long]$out.ReturnValue; pending_reboot = [bool]$out.PendingReboot }
    }
    configuration_manager = {
        param($Search, $Seconds)
        $out = Invoke-CimMethod -Namespace root/ccm/ClientSDK -ClassName CCM_ClientUtilities -MethodName DetermineIfRebootPending -OperationTimeoutSec $Seconds
        if ($null -eq $out.ReturnValue) { throw 'DetermineIfRebootPending returned nothing' }
        if ($out.ReturnValue -eq 0 -and $null -eq $out.RebootPending) { throw 'the answer holds no RebootPending' }
        @{
            return_value = [long]$out.ReturnValue
            reboot_pending = [bool]$out.RebootPending
            hard_reboot_pending = [bool]$out.IsHardRebootPending
        }
    }
    desired_state_configuration = {
        param($Search, $Seconds)
        $out = Invoke-CimMethod -Namespace root/Microsoft/Windows/DesiredStateConfiguration -ClassName MSFT_DSCLocalConfigurationManager -MethodName GetMetaConfiguration -OperationTimeoutSec $Seconds
        @{ lcm_state = [string]$out.MetaConfiguration.LCMState }
    }
}

function Get-ErrorCode {
    # The number that Windows gave. Of WMI it stands in the id of the message; StatusCode is CIM's own (1 to 29).
    param([System.Exception]$Exception)

    $id = if ($Exception.PSObject.Properties['MessageId']) { [string]$Exception.MessageId } else { '' }
    if ($id -match '^HRESULT 0x([0-9a-fA-F]{1,8})$') {
        return [System.Convert]::ToInt64($Matches[1], 16)
    }
    if ($id -match '^WIN32 (\d+)$') {
        return 2147942400 -bor [long]$Matches[1]
    }
    $native = if ($Exception.PSObject.Properties['NativeErrorCode']) { [string]$Exception.NativeErrorCode } else { '' }
    $known = @{ InvalidNamespace = 2147749902; InvalidClass = 2147749904; NotFound = 2147749890; AccessDenied = 2147942405 }
    if ($known.ContainsKey($native)) {
        return $known[$native]
    }
    $Exception.HResult
}

function Get-BoundedAnswer {
    # Ask a component in a runspace of its own, and give it up after the time limit.
    param([scriptblock]$Question)

    $shell = [System.Management.Automation.PowerShell]::Create()
    $null = $shell.AddScript("`$ErrorActionPreference = 'Stop'; try { @{ answer = & { $Question } @args } } catch { @{ exception = `$_.Exception } }")
    $null = $shell.AddArgument($module.Params.update_search).AddArgument($module.Params.timeout)
    $running = $shell.BeginInvoke()
    if (-not $running.AsyncWaitHandle.WaitOne([System.TimeSpan]::FromSeconds($module.Params.timeout))) {
        # It is left alone: stopping it could hang as well.
        return (New-Failure -Message "no answer within $($module.Params.timeout) seconds") + @{ answer = $null }
    }
    $found = @($shell.EndInvoke($running))
    $shell.Dispose()
    if ($found.Count -eq 1 -and $null -ne $found[0].answer) {
        return @{ state = 'present'; error = $null; answer = $found[0].answer }
    }
    $exception = if ($found.Count -eq 1) { $found[0].exception } else { $null }
    if (-not $exception) {
        return (New-Failure -Message 'the question ended without an answer') + @{ answer = $null }
    }
    $base = $exception.GetBaseException()
    (New-Failure -Code (Get-ErrorCode -Exception $base) -Message ([string]$base.Message)) + @{ answer = $null }
}

function Get-AgentAnswer {
    # The search is slow; what the agent says of itself is kept whatever becomes of it.
    $agent = Get-BoundedAnswer -Question $questions.windows_update_agent
    if ($agent.state -eq 'present' -and $module.Params.update_search) {
        $search = Get-BoundedAnswer -Question $questions.search
        if ($search.state -eq 'present') {
            $agent.answer.updates = $search.answer.updates
        }
        else {
            $agent.answer.updates_error = $search.error.message
        }
    }
    $agent
}

function Get-BootTime {
    $fileTime = $machine::BootTime()
    if ($fileTime -eq 0) {
        return (New-Failure -Message 'Windows does not say when it started') + @{ answer = $null }
    }
    $epoch = ($fileTime - 116444736000000000) / 10000000
    @{ state = 'present'; error = $null; answer = @{ time_epoch = $epoch; source = 'SystemTimeOfDayInformation.BootTime' } }
}

$registry = New-Object -TypeName 'System.Collections.Generic.List[object]'
$files = New-Object -TypeName 'System.Collections.Generic.List[object]'
$components = @{}

foreach ($question in $module.Params.registry) {
    $registry.Add((Get-RegistryAnswer -Question $question))
}
foreach ($question in $module.Params.files) {
    $files.Add((Get-FileAnswer -Question $question))
}
foreach ($name in $module.Params.components) {
    $components[$name] = switch ($name) {
        'boot_time' { Get-BootTime }
        'windows_update_agent' { Get-AgentAnswer }
        'host' { @{ state = 'present'; error = $null; answer = @{ name = [System.Environment]::MachineName } } }
        default { Get-BoundedAnswer -Question $questions[$name] }
    }
}

$module.Result.schema = 1
$module.Result.registry = $registry
$module.Result.files = $files
$module.Result.components = $components
$module.ExitJson()
