# tools/msvc.ps1: builds and runs the test programs with MSVC's cl, as C11 and as C++17, from a
# developer prompt. Untested until the hosted workflow has run it. The last line counts programs.
$ErrorActionPreference = 'Continue'
Set-Location (Join-Path $PSScriptRoot '..')
$passed = 0
$failed = 0
$sources = Get-ChildItem tests\unit\*.c, tests\fault\*.c, tests\fuzz\*.c, examples\*.c
foreach ($mode in 'c', 'cxx') {
    $language = if ($mode -eq 'c') { '/std:c11', '/TC' } else { '/std:c++17', '/TP', '/EHsc' }
    foreach ($source in $sources) {
        $folder = "build\msvc\$mode\$($source.Directory.Name)"
        New-Item -ItemType Directory -Force $folder | Out-Null
        $program = "$folder\$($source.BaseName).exe"
        $label = "$mode $($source.Directory.Name)/$($source.BaseName)"
        & cl /nologo /O2 /W4 /WX /D_CRT_SECURE_NO_WARNINGS @language /I. /Isrc /Itests `
            "/Fo$folder\$($source.BaseName).obj" "/Fe$program" $source.FullName
        if ($LASTEXITCODE -ne 0) {
            Write-Output "FAIL $label does not compile"
            $failed++
            continue
        }
        $corpus = @()
        if ($source.Directory.Name -eq 'fuzz') {
            $corpus = @(Get-ChildItem -File "tests\fuzz\corpus\$($source.BaseName)\*" |
                ForEach-Object { $_.FullName })
        }
        & $program @corpus
        if ($LASTEXITCODE -ne 0) {
            Write-Output "FAIL $label ended with $LASTEXITCODE"
            $failed++
        } else {
            $passed++
        }
    }
}
Write-Output "$passed passed, $failed failed, 0 skipped"
exit [int]($failed -gt 0)
